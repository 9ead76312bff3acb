"""The sweep over all partitions, and the levels of the network sweep: names, order, lengths."""

import pytest

from bench.engine.options import PROFILES
from bench.engine.trial import TrialKey
from bench.errors import ShopbenchError
from bench.experiments.network import measure as network
from bench.experiments.topologies import measure as topologies


def test_every_partition_has_a_trial_id_of_its_own() -> None:
    key = TrialKey("topologies", 0, 0, 0)
    ids = {key.trial_id("mixed", name, 40.0) for name in topologies.PARTITIONS}
    assert len(ids) == len(topologies.PARTITIONS) == 15
    assert not [trial_id for trial_id in ids if "/" in trial_id or "|" in trial_id]


def test_every_level_has_names_of_its_own() -> None:
    size = network.SIZES["standard"]
    names = [level.name(setting) for setting in network.SETTINGS for level in network.levels(size)]
    assert len(names) == len(set(names)) == 2 * (6 + 3)
    assert names[0] == "network:all@0ms/0%"
    assert "network:services@2ms/0.5%" in names
    files = {network._file_name(name) for name in names}
    assert len(files) == len(names)
    assert all(set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789-") for name in files)


@pytest.mark.parametrize("sizes", [network.SIZES, topologies.SIZES])
def test_every_profile_has_its_sizes(sizes) -> None:
    assert set(sizes) == set(PROFILES)


def test_only_partitions_are_compared() -> None:
    with pytest.raises(ShopbenchError, match="no partition"):
        topologies._names(["monolith", "microservices"])
    with pytest.raises(ShopbenchError, match="at least two"):
        topologies._names(["microservices"])
    assert topologies._names(["payments+orders|inventory+users", "modular-split"]) == (
        "users+inventory|orders+payments",
        "modular-split",
    )
