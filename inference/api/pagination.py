"""How a long list is read: a bare array with an end, and a link to what follows."""

from __future__ import annotations

from typing import Any, Final

from rest_framework.exceptions import ValidationError
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param
from rest_framework.views import APIView

MOST_ROWS: Final = 10_000
_LARGEST: Final = 2**63 - 1


class AfterPagination(BasePagination):
    """`?limit=` rows with an id above `?after=`; nobody gets more than MOST_ROWS at once.

    Rows are only ever added at the end, so that a reader who follows the links misses none.
    """

    rows: int | None = None  # of a page, where they are larger than most

    def paginate_queryset(
        self, queryset: Any, request: Request, view: APIView | None = None
    ) -> list[Any]:
        """The rows of this page; raises ValidationError on a limit that is none."""
        self._request = request
        most = self.rows or MOST_ROWS
        self._limit = min(whole(request, "limit", most, least=1), most)
        after = whole(request, "after", 0, least=0)
        rows = list(queryset.filter(id__gt=after)[: self._limit + 1])
        self._more = len(rows) > self._limit
        return rows[: self._limit]

    def get_paginated_response(self, data: list[dict[str, Any]]) -> Response:
        """The array; where more follows, `Link` says where."""
        response = Response(data)
        if self._more:
            url = replace_query_param(self._request.build_absolute_uri(), "after", data[-1]["id"])
            url = replace_query_param(url, "limit", self._limit)
            response["Link"] = f'<{url}>; rel="next"'
        return response

    def get_schema_operation_parameters(self, view: APIView) -> list[dict[str, Any]]:
        """For OpenAPI."""
        return [
            _parameter("limit", f"At most so many rows, never more than {self.rows or MOST_ROWS}."),
            _parameter("after", "Only rows with an id above this one."),
        ]

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """A bare array, as without pages."""
        return schema


class LargeRowsPagination(AfterPagination):
    """The same for rows of some kilobytes each."""

    rows = 100


def _parameter(name: str, description: str) -> dict[str, Any]:
    return {
        "name": name,
        "in": "query",
        "required": False,
        "description": description,
        "schema": {"type": "integer"},
    }


def whole(request: Request, name: str, default: int, *, least: int) -> int:
    """A number of the query; raises ValidationError if it is none, or too small."""
    text = request.query_params.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= 19):
        raise ValidationError({name: [f"A whole number from {least} is expected."]})
    number = int(text)
    if not least <= number <= _LARGEST:
        raise ValidationError({name: [f"A whole number from {least} is expected."]})
    return number
