"""Which cases of a dataset are meant: what lists narrow by, and what people do to all that they see."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Q, QuerySet

from evals_app.models import CaseVersion, Dataset
from evals_app.selectors.case_texts import has_text


@dataclass(frozen=True, slots=True)
class CaseFilter:
    """All conditions must hold; an empty filter means all cases."""

    search: str = ""
    tag: str = ""
    unanswered: bool = False
    changed_since: int | None = None

    def __bool__(self) -> bool:
        return bool(self.search or self.tag or self.unanswered or self.changed_since is not None)

    def condition(self) -> Q:
        """The cases that fit. Searching is asked last, since it reads the texts."""
        wanted = Q()
        if self.tag:
            wanted &= Q(tags__contains=[self.tag])
        if self.unanswered:
            wanted &= Q(expected__isnull=True) | Q(expected="")
        if self.changed_since is not None:
            wanted &= Q(since__gt=self.changed_since)
        return wanted & has_text(self.search) if self.search else wanted


def current_cases(dataset: Dataset, fits: CaseFilter | None = None) -> QuerySet[CaseVersion]:
    """The dataset's cases as they are now, in no order."""
    cases = CaseVersion.objects.filter(dataset=dataset, until__isnull=True)
    return cases.filter(fits.condition()) if fits else cases


def chosen_cases(dataset: Dataset, case_ids: list[int]) -> QuerySet[CaseVersion]:
    """Those of these cases that are in the dataset now, in no order."""
    return current_cases(dataset).filter(case_id__in=case_ids)
