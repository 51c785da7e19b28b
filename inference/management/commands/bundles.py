from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.files.storage import Storage
from django.core.management.base import BaseCommand, CommandError, CommandParser

from inference import bundles, opening, signing, store
from inference.core.errors import WeirError
from inference.core.lifecycle import Status
from inference.models import MLAlgorithm
from inference.services import publishing


class Command(BaseCommand):
    """Copies bundles between places, checks that none is missing, changes the key they have."""

    help = (
        "Copies bundles from one place to another (`files`, `database`, `s3://bucket/prefix`), or "
        "checks that every algorithm's bundle is whole. Copy first, then change WEIR_BUNDLES. "
        "For a new key: `key` makes a pair, `reseal` signs every bundle with WEIR_SIGNING_KEY."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        copy = verbs.add_parser("copy", help="copy what is not there yet; nothing is removed")
        for way in ("from", "to"):
            copy.add_argument(f"--{way}", dest=way, help="a place; WEIR_BUNDLES otherwise")
        verbs.add_parser("check", help="read the bundle of every algorithm that may be served")
        key = verbs.add_parser(
            "key", help="make a pair, one key that signs and one that only opens"
        )
        key.add_argument("--present", action="store_true", help="show the one that signs now")
        verbs.add_parser("reseal", help="sign every bundle that one of the trusted keys opens")

    def handle(self, *, verb: str, **given: Any) -> None:
        try:
            verbs = {"copy": self._copy, "check": self._check}
            verbs |= {"key": self._key, "reseal": self._reseal}
            verbs[verb](given)
        except (WeirError, ValueError) as error:
            raise CommandError(str(error)) from error

    def _copy(self, given: dict[str, Any]) -> None:
        source, target = (given[way] or settings.WEIR.bundles for way in ("from", "to"))
        if source == target:
            raise CommandError("That is one and the same place: say --from or --to.")
        self._copy_all(store.place(source), store.place(target))

    def _copy_all(self, source: Storage, target: Storage) -> None:
        found = store.keys(source)
        copied = sum(store.copy(key, source, target) for key in found)
        self.stdout.write(
            f"{copied} copied and compared, {len(found) - copied} were there already."
        )

    def _key(self, given: dict[str, Any]) -> None:
        """Shown here and kept nowhere; the present one follows from SECRET_KEY by default."""
        if given["present"]:
            self.stdout.write(f"WEIR_TRUSTED_KEYS={settings.WEIR.signing_key}")
            return
        pair = signing.make()
        self.stdout.write(f"WEIR_SIGNING_KEY={pair.text}")
        self.stdout.write(f"Where bundles are only opened: WEIR_SIGNING_KEY={pair.public.text}")

    def _reseal(self, given: dict[str, Any]) -> None:
        rows = MLAlgorithm.objects.order_by("id")
        for row in rows:
            publishing.reseal(row)
        self.stdout.write(f"{len(rows)} bundles are signed with WEIR_SIGNING_KEY now.")

    def _check(self, given: dict[str, Any]) -> None:
        rows = MLAlgorithm.objects.exclude(current_status=Status.RETIRED.value).order_by("id")
        wrong = [line for row in rows if (line := _complaint(row))]
        for line in wrong:
            self.stderr.write(line)
        if wrong:
            raise CommandError(f"{len(wrong)} of {len(rows)} bundles cannot be used.")
        self.stdout.write(f"{len(rows)} of {len(rows)} bundles are whole.")


def _complaint(row: MLAlgorithm) -> str:
    try:
        bundles.read(store.get(row.bundle), opening.keyring())
    except WeirError as error:
        return f"{row}: {error}"
    return ""
