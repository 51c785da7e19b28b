"""What the admin asks before it starts a test or makes a key."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from django import forms

from inference.core.lifecycle import Rule
from inference.keys import Scope
from inference.models import ABTest, ApiKey, Arm, MLAlgorithm
from inference.services.experiments import MOST_WEIGHT


def _weight(arm: object, initial: int) -> forms.IntegerField:
    return forms.IntegerField(
        label=f"Weight of {arm}", min_value=1, max_value=MOST_WEIGHT, initial=initial
    )


class WeightsForm(forms.Form):
    """A weight for each arm of a running test."""

    def __init__(self, arms: Sequence[Arm], data: Any = None) -> None:
        super().__init__(data)
        for arm in arms:
            self.fields[f"weight_{arm.position}"] = _weight(arm.algorithm, arm.weight)

    def weights(self) -> list[int]:
        """In the order of the arms."""
        return [self.cleaned_data[name] for name in self.fields]


class StartTestForm(forms.Form):
    """A title, a rule, the coverage, and a weight for each arm."""

    title = forms.CharField(max_length=200)
    rule = forms.ChoiceField(
        choices=[(rule.value, rule.value) for rule in Rule],
        help_text=ABTest.rule.field.help_text,
    )
    coverage = forms.FloatField(
        min_value=0.0,
        max_value=1.0,
        initial=1.0,
        required=False,
        help_text=ABTest.coverage.field.help_text,
    )
    difference = forms.FloatField(
        required=False, help_text=ABTest.difference.field.help_text, label="difference that matters"
    )

    def __init__(self, arms: Sequence[MLAlgorithm], data: Any = None) -> None:
        self._arms = arms
        super().__init__(data)
        for arm in arms:
            self.fields[f"weight_{arm.pk}"] = _weight(arm, 1)

    def split(self) -> list[tuple[MLAlgorithm, int]]:
        """The arms with the weights that were given."""
        return [(arm, self.cleaned_data[f"weight_{arm.pk}"]) for arm in self._arms]


class KeyForm(forms.ModelForm):
    """A name, what the key may do, and until when."""

    scopes = forms.MultipleChoiceField(
        choices=[(scope.value, scope.value) for scope in Scope],
        widget=forms.CheckboxSelectMultiple,
    )

    class Meta:
        model = ApiKey
        fields: ClassVar = ["name", "scopes", "expires_at"]
