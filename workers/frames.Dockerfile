# The frame-search worker's image, one container per office:
#   docker build -f workers/frames.Dockerfile -t gatehouse-frames .
#   docker run gatehouse-frames --office berlin --region eu-central-1 --bucket gatehouse-123456789012-eu-central-1
# Only what uv.lock pins for the group `frames`; Airflow is not in it.
FROM python:3.11-slim-bookworm AS packages
RUN pip install --no-cache-dir uv==0.13.9
WORKDIR /build
COPY pyproject.toml uv.lock ./
RUN uv export --frozen --only-group frames --no-emit-project --no-header -o requirements.txt \
    && uv pip install --no-cache --target /packages --requirements requirements.txt

FROM python:3.11-slim-bookworm
ENV PYTHONPATH=/opt/gatehouse/include:/opt/gatehouse/workers:/packages \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1
RUN useradd --system --uid 10001 gatehouse
COPY --from=packages /packages /packages
COPY include /opt/gatehouse/include
COPY workers/gatehouse_frames /opt/gatehouse/workers/gatehouse_frames
USER gatehouse
EXPOSE 8080
# Stop it with 30 s of patience: it records what it has sampled, and the next start does the rest.
HEALTHCHECK --interval=15s --timeout=5s CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/healthz', timeout=4)"]
ENTRYPOINT ["python", "-m", "gatehouse_frames", "--health-port", "8080", "--health-host", "0.0.0.0"]
