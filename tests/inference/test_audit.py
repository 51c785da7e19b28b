"""Every act leaves a row that nobody changes unseen."""

from __future__ import annotations

import io
import json
import threading
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from inference.core.errors import TransitionRefused
from inference.core.experiment import Mode
from inference.core.lifecycle import Status
from inference.core.types import LogMode
from inference.models import AuditEntry
from inference.services import audit, endings, evaluations, experiments, models
from inference.services.evaluations import NewEvaluation
from tests.inference import registered

pytestmark = pytest.mark.django_db


def rows(**given: Any) -> list[tuple[str, int | None, str, str]]:
    found = AuditEntry.objects.filter(**given).order_by("id")
    return list(found.values_list("what", "algorithm", "before", "after"))


def test_a_registration_and_a_promotion_leave_a_row_for_each_that_moved() -> None:
    first, second = registered.pair()
    models.algorithm_set_status(second.pk, Status.PRODUCTION, by="ann", reason="better")

    assert rows() == [
        ("transition", first.pk, "", "registered"),
        ("transition", first.pk, "registered", "production"),
        ("transition", second.pk, "", "registered"),
        ("transition", second.pk, "registered", "testing"),
        ("transition", first.pk, "production", "testing"),
        ("transition", second.pk, "testing", "production"),
    ]
    last = AuditEntry.objects.last()
    assert last is not None
    assert (last.made_by, last.why, last.endpoint) == ("ann", "better", "income")
    assert audit.fault() is None
    assert audit.head() == (6, last.hash)


def test_what_a_test_does_rests_on_its_snapshot() -> None:
    first, second = registered.pair()
    test = registered.started([first, second], mode=Mode.CANARY)
    endings.roll_back(test.pk, "ann")

    assert rows(abtest=test.pk) == [
        ("transition", second.pk, "testing", "canary"),
        ("transition", second.pk, "canary", "rolled_back"),
    ]
    last = AuditEntry.objects.last()
    assert last is not None
    assert last.evidence["experiment"]["id"] == test.pk
    assert audit.fault() is None


def test_a_log_mode_and_an_evaluation_are_written_down() -> None:
    first, _ = registered.pair()
    endpoint = first.parent_endpoint
    models.endpoint_set_log_mode(endpoint.pk, LogMode.FAST, by="ann")
    models.endpoint_set_log_mode(endpoint.pk, LogMode.FAST, by="bob")
    new = NewEvaluation(algorithm_id=first.pk, baseline_id=None, blessed=False, reasons=["slow"])
    made = evaluations.evaluation_record(new, by="ann")

    assert rows()[-2:] == [
        ("log_mode", None, "strict", "fast"),
        ("evaluation", first.pk, "", "not blessed"),
    ]
    last = AuditEntry.objects.last()
    assert last is not None
    assert (last.evidence["evaluation"], last.evidence["reasons"]) == (made.pk, ["slow"])


def test_the_model_layer_only_adds() -> None:
    registered.algorithm()
    row = AuditEntry.objects.all()[0]

    for act in (
        row.save,
        row.delete,
        AuditEntry.objects.all().delete,
        lambda: AuditEntry.objects.update(made_by="eve"),
    ):
        with pytest.raises(TransitionRefused, match="only ever added to"):
            act()
    assert audit.fault() is None


def tampered(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)


@pytest.mark.parametrize(
    ("sql", "number"),
    [
        ("update inference_auditentry set made_by = 'eve' where id = 3", 3),
        ("update inference_auditentry set made_at = '2020-01-01 00:00:00' where id = 3", 3),
        ("delete from inference_auditentry where id = 2", 2),
        ("update inference_auditentry set evidence = '{\"a\": 1}' where id = 4", 4),
    ],
)
def test_whoever_writes_sql_is_seen(sql: str, number: int) -> None:
    registered.pair()
    assert audit.fault() is None

    tampered(sql)

    found = audit.fault()
    assert found is not None
    assert found.id == number


@pytest.mark.django_db(transaction=True)
def test_those_who_write_at_once_make_one_chain() -> None:
    algorithms = [registered.algorithm(f"model {at}") for at in range(4)]
    failed: list[Exception] = []

    def move(number: int) -> None:
        try:
            for status in (Status.STAGING, Status.TESTING, Status.RETIRED):
                models.algorithm_set_status(algorithms[number].pk, status, by="ann")
        except Exception as error:  # noqa: BLE001  # told by the assertion
            failed.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=move, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    assert failed == []
    assert AuditEntry.objects.count() == 4 * (2 + 3)
    assert audit.fault() is None


# -- the command -----------------------------------------------------------------------------------


def said(*words: str) -> str:
    out = io.StringIO()
    call_command("audit", *words, stdout=out)
    return out.getvalue()


def refused(*words: str) -> str:
    """The same of a chain that is broken: exit status 1."""
    out = io.StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("audit", *words, stdout=out)
    assert ended.value.code == 1
    return out.getvalue()


def test_the_command_lists_the_newest_last_and_says_it_as_json() -> None:
    first, _ = registered.pair()

    lines = said().splitlines()
    found = json.loads(said("--json", "--limit", "1"))

    assert len(lines) == 4
    assert f"algorithm {first.pk} of income" in lines[1]
    assert "registered -> production" in lines[1]
    assert [each["id"] for each in found] == [4]
    assert said("--endpoint", "another").strip() == "Nothing was done."


def test_the_command_verifies_and_says_where_the_chain_is_broken() -> None:
    registered.pair()
    head = audit.head()
    assert head is not None
    kept = f"{head[0]}:{head[1]}"

    assert "4 rows, whole" in said("--verify", "--expect", kept)
    assert json.loads(said("--verify", "--json")) == {
        "whole": True,
        "rows": 4,
        "head": kept,
        "fault": None,
    }
    assert "row 3 has another hash" in refused("--verify", "--expect", f"3:{head[1]}")
    with pytest.raises(CommandError, match="a colon and its hash"):
        said("--verify", "--expect", "abc")

    tampered("update inference_auditentry set why = 'no' where id = 2")
    assert "row 2 is not what its hash says" in refused("--verify")
    assert json.loads(refused("--verify", "--json"))["fault"]["id"] == 2


def test_a_cut_end_is_seen_by_the_hash_that_was_kept() -> None:
    registered.pair()
    head = audit.head()
    assert head is not None
    tampered("delete from inference_auditentry where id = 4")

    assert "3 rows, whole" in said("--verify")
    assert "row 4 is missing" in refused("--verify", "--expect", f"4:{head[1]}")


def test_experiments_that_end_twice_are_written_down_once() -> None:
    test = registered.started(registered.pair())
    experiments.stop(test.pk, "ann")
    before = AuditEntry.objects.count()

    experiments.stop(test.pk, "bob")

    assert AuditEntry.objects.count() == before
