"""The echo servers that play deployments, as the experiments' tests have them."""

from tests.unit.experiments.conftest import (
    broken_after,
    calm_gates,
    cut_off_after,
    echo,
    home,
    options,
)

__all__ = ["broken_after", "calm_gates", "cut_off_after", "echo", "home", "options"]
