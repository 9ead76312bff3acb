"""The smallest experiment: how many requests a second each deployment was sent."""

from bench.registry import Experiment, Flag

NAME = "toy"
EXPERIMENTS = (
    Experiment(
        name=NAME,
        question="Does a folder make an experiment?",
        rank=1000,
        measuring="bench.experiments.toy.measure",
        reporting="bench.experiments.toy.section",
        heeds=("deployments", "seed"),
        flags=(Flag("--toy-rate", "With toy: requests a second.", int, least=1, most=100),),
    ),
)
