# Airflow with Gatehouse: what requirements.txt pins, the DAGs, the plugins, the domain.
FROM apache/airflow:3.3.2-python3.11

COPY requirements.txt /requirements.txt
RUN pip install --no-cache-dir --require-hashes -r /requirements.txt

COPY --chown=airflow:root include /opt/airflow/include
COPY --chown=airflow:root plugins /opt/airflow/plugins
COPY --chown=airflow:root dags /opt/airflow/dags
COPY --chown=airflow:root migrations /opt/airflow/migrations
COPY --chown=airflow:root alembic.ini /opt/airflow/alembic.ini
COPY --chown=airflow:root config /opt/airflow/gatehouse-config

# include/ goes on the path, the project's root never does: every file has one import name.
ENV PYTHONPATH=/opt/airflow/include:/opt/airflow/plugins \
    GATEHOUSE_CONFIG=/opt/airflow/gatehouse-config
