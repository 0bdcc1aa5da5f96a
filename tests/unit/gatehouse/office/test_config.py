"""Every wrong configuration is named with file, line and remedy."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from gatehouse.exceptions import ConfigError
from gatehouse.office.config import load_company, load_rollout_settings, read_company

CONFIG = Path(__file__).parents[4] / "config"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return Path(shutil.copytree(CONFIG, tmp_path / "config"))


def edit(config: Path, name: str, old: str, new: str) -> None:
    path = config / name
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_the_committed_configuration_is_right() -> None:
    company = load_company(CONFIG)
    assert list(company.offices) == ["berlin", "portland", "tokyo"]
    assert company.places["CAM_BER_F0_LOBBY_001"] == "config/offices/berlin.yaml:7"


@pytest.mark.parametrize(
    ("name", "old", "new", "expected"),
    [
        (
            "offices/berlin.yaml",
            "zone: lobby",
            "zoone: lobby",
            "config/offices/berlin.yaml:9: unknown key 'zoone'. Did you mean 'zone'?",
        ),
        (
            "offices/berlin.yaml",
            "CAM_BER_F0_LOBBY_001\n",
            "CAM_TYO_F9_ARCHIVE_002\n",
            "config/offices/berlin.yaml:7: camera id CAM_TYO_F9_ARCHIVE_002 is also in "
            "config/offices/tokyo.yaml:12. Ids are unique company-wide",
        ),
        (
            "offices/berlin.yaml",
            "eu-central-1",
            "eu-centrale-1",
            "config/offices/berlin.yaml:3: Region 'eu-centrale-1' isn't in regions.yaml. "
            "Did you mean 'eu-central-1'?",
        ),
        (
            "offices/berlin.yaml",
            "Europe/Berlin",
            "Europe/Berlinn",
            "config/offices/berlin.yaml:4: unknown time zone 'Europe/Berlinn'",
        ),
        (
            "offices/berlin.yaml",
            "[non_employee]",
            "[non_employe]",
            "config/offices/berlin.yaml:11: camera CAM_BER_F0_LOBBY_001: unknown rule 'non_employe'. "
            "Did you mean 'non_employee'?",
        ),
        (
            "offices/berlin.yaml",
            "    rtsp_secret: gatehouse/rtsp/CAM_BER_F0_LOBBY_001\n",
            "",
            "config/offices/berlin.yaml:7: 'cameras.0.rtsp_secret' is missing. Add it",
        ),
        (
            "offices/berlin.yaml",
            "    rules: [non_employee]",
            "    rules: []",
            "config/offices/berlin.yaml:11: 'cameras.0.rules' is wrong",
        ),
        (
            "offices/berlin.yaml",
            "office: berlin",
            "office: bern",
            "config/offices/berlin.yaml:1: office is 'bern' in a file named 'berlin.yaml'",
        ),
        (
            "offices/berlin.yaml",
            "time_zone: Europe/Berlin",
            "time_zone: Europe/Berlin\ntime_zone: Europe/Rome",
            "config/offices/berlin.yaml:5: key 'time_zone' is already in line 4",
        ),
        ("offices/berlin.yaml", "cameras:", "cameras: [", "config/offices/berlin.yaml:7: isn't YAML"),
        ("rollout.yaml", "[berlin]", "[berlim]", "config/rollout.yaml:4: wave 'pilot': no office 'berlim'."),
        (
            "rollout.yaml",
            "[portland, tokyo]",
            "[portland]",
            "config/rollout.yaml:2: office 'tokyo' is in no wave",
        ),
        (
            "rollout.yaml",
            "[portland, tokyo]",
            "[portland, tokyo, berlin]",
            "config/rollout.yaml:6: office 'berlin' is in several waves",
        ),
        (
            "rollout.yaml",
            "threshold: 80",
            "threshold: 70",
            "rollout.yaml:7: 'collection_threshold' is",
        ),
        (
            "rules.yaml",
            "channel: security",
            "channel: securty",
            "config/rules.yaml:11: rule 'non_employee': unknown channel 'securty'. Did you mean 'security'?",
        ),
        (
            "rules.yaml",
            "window_seconds: 15",
            "window_seconds: 0",
            "config/rules.yaml:9: 'rules.non_employee.window_seconds' is wrong",
        ),
        ("rules.yaml", "k: 3", "k: 11", "k is 11 of only 10 frames, so the rule never fires"),
        ("regions.yaml", "home: eu-central-1", "home: eu-west-9", "config/regions.yaml:3: home Region"),
    ],
)
def test_a_mistake_is_named_with_file_line_and_remedy(
    config: Path, name: str, old: str, new: str, expected: str
) -> None:
    edit(config, name, old, new)
    with pytest.raises(ConfigError) as caught:
        load_company(config)
    assert expected in str(caught.value)


def test_a_stream_processor_office_needs_a_region_that_has_them(config: Path) -> None:
    edit(config, "regions.yaml", "  ap-northeast-1:", "  eu-west-2:")
    edit(config, "offices/tokyo.yaml", "ap-northeast-1", "eu-west-2")
    with pytest.raises(ConfigError, match="Use engine: frame_search"):
        load_company(config)


def test_a_url_in_place_of_a_secret_name_is_refused_without_repeating_it(config: Path) -> None:
    edit(config, "offices/berlin.yaml", "gatehouse/rtsp/CAM_BER_F0_LOBBY_001", "rtsp://me:hunter2@cam/1")
    with pytest.raises(ConfigError, match="name the Secrets Manager secret") as caught:
        load_company(config)
    assert "hunter2" not in str(caught.value)


def test_one_bad_manifest_hides_neither_the_errors_nor_the_offices_of_others(config: Path) -> None:
    edit(config, "offices/berlin.yaml", "zone: lobby", "zoone: lobby")
    edit(config, "offices/tokyo.yaml", "Asia/Tokyo", "Asia/Tokio")
    reading = read_company(config)
    assert list(reading.company.offices) == ["portland"]
    assert reading.refused == ("berlin", "tokyo")
    assert "zoone" in reading.problems_of("berlin")
    assert "Asia/Tokio" in reading.problems_of("tokyo")
    assert reading.problems_of("portland") == ""


def test_a_camera_in_two_offices_refuses_both_and_no_other(config: Path) -> None:
    edit(config, "offices/berlin.yaml", "CAM_BER_F0_LOBBY_001\n", "CAM_TYO_F9_ARCHIVE_002\n")
    assert list(read_company(config).company.offices) == ["portland"]


def test_a_missing_file_is_named(config: Path) -> None:
    (config / "rules.yaml").unlink()
    with pytest.raises(ConfigError, match=r"config/rules.yaml:1: can't be read"):
        load_company(config)


def test_an_unknown_office_names_the_nearest_one(config: Path) -> None:
    with pytest.raises(ConfigError, match="Did you mean 'berlin'"):
        load_company(config).office("berlni")


def test_wave_settings_alone_can_be_read() -> None:
    assert [wave.name for wave in load_rollout_settings(CONFIG).waves] == ["pilot", "rest"]
