"""Write the HR system's export of the sample company."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gatehouse_sample.company.people import Cast

COLUMNS = (
    "employee_id",
    "status",
    "offices",
    "start_date",
    "end_date",
    "permission_profile",
    "photo_keys",
    "consent_given_at",
    "consent_text_version",
    "consent_withdrawn_at",
    "kind",
)


def roster_csv(cast: Cast, offices: Mapping[str, Sequence[str]]) -> str:
    """Return roster.csv: one row a person, `;` between several values, nothing but ids."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    enrolled = (*cast.employees, *((cast.probe.enrolled,) if cast.probe else ()))
    for person in (*enrolled, *cast.without_consent):
        consents = person in enrolled
        writer.writerow(
            {
                "employee_id": person.person_id,
                "status": "active",
                "offices": ";".join(offices[person.person_id]),
                "start_date": "2024-03-01",
                "end_date": "",
                "permission_profile": "office_hours",
                "photo_keys": ";".join(photo_key(person.person_id, n + 1) for n in range(len(person.photos))),
                "consent_given_at": "2024-03-01T09:00:00+00:00" if consents else "",
                "consent_text_version": "2024-01" if consents else "",
                "consent_withdrawn_at": "",
                "kind": "employee",
            }
        )
    return text.getvalue()


def photo_key(person_id: str, number: int) -> str:
    """Return where a photo lies, both in the company's folder and in the bucket."""
    return f"photos/{person_id}/{number}.jpg"
