"""What counts once: repeats of a case, cases of a group."""

from llmops.stats.clusters import ClusteredBy, clustered


def test_values_of_different_cases_stay_alone() -> None:
    found = clustered([1, 0, 1], [1, 2, 3], ["", "", ""])
    assert found == (ClusteredBy.NOTHING, [1, 0, 1], [1, 1, 1])


def test_a_group_of_one_case_is_no_cluster() -> None:
    assert clustered([1, 0], [1, 2], ["a", "b"]).by is ClusteredBy.NOTHING


def test_repeats_are_averaged_by_case() -> None:
    found = clustered([1, 0, 1, 1], [1, 2, 1, 2], ["", "", "", ""])
    assert found == (ClusteredBy.CASE, [1, 0.5], [1, 1])


def test_groups_come_before_repeats_and_count_their_cases() -> None:
    # Case 1 has (1 + 0) / 2, case 2 has 1: the group has (0.5 + 1) / 2 from two cases; case 3 is alone.
    found = clustered([1, 0, 1, 0], [1, 1, 2, 3], ["a", "a", "a", ""])
    assert found == (ClusteredBy.GROUP, [0.75, 0], [2, 1])


def test_cases_without_a_group_are_not_one_group() -> None:
    found = clustered([1, 0, 1, 0], [1, 2, 3, 4], ["a", "a", "", ""])
    assert found == (ClusteredBy.GROUP, [0.5, 1, 0], [2, 1, 1])


def test_a_case_and_a_group_of_the_same_name_are_two() -> None:
    assert len(clustered([1, 0, 1], ["a", "b", "c"], ["", "a", "a"]).means) == 2
