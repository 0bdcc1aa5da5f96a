from __future__ import annotations

import numpy as np

from gatehouse_sample.people.identity import HATS
from gatehouse_sample.people.pose import ENROLMENT, VIDEO
from gatehouse_sample.people.render import render
from gatehouse_sample.people.seeded import identity


def test_a_seed_is_the_same_person_for_ever() -> None:
    assert identity(7) == identity(7)
    assert identity(7) != identity(8)
    # The cast is committed as seeds: a changed order of throws would change everybody's face.
    assert identity(7).skull.width == 0.8000305493134935


def test_nobody_in_a_headscarf_has_a_beard() -> None:
    covered = [who for who in map(identity, range(80)) if HATS[who.worn.hat] == "scarf"]
    assert covered
    assert all(who.hair.beard == who.hair.moustache == who.hair.stubble == 0.0 for who in covered)


def test_enrolment_and_video_share_no_pose_and_no_light() -> None:
    for field in ("yaw", "pitch"):
        assert not {getattr(pose, field) for pose in ENROLMENT} & {getattr(pose, field) for pose in VIDEO}
    assert not {pose.light for pose in ENROLMENT} & {pose.light for pose in VIDEO}


def test_a_head_fills_the_picture_on_a_transparent_background() -> None:
    picture = render(identity(0), ENROLMENT[1], 60)
    cover = picture[..., 3]
    assert cover[0, 0] == 0
    assert cover[30, cover.shape[1] // 2] == 255
    assert 0.2 < float(np.mean(cover > 0)) < 0.8
