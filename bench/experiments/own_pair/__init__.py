"""`latency` for services of the user's own, named by URL."""

from bench.registry import Experiment, Flag

EXPERIMENTS = (
    Experiment(
        name="own_pair",
        question="Which of two services of your own takes longer, and by how much?",
        rank=15,
        measuring="bench.experiments.own_pair.measure",
        reporting="bench.experiments.own_pair.section",
        heeds=("mixes", "cpus", "seed", "max_minutes"),
        thresholds=("own_services",),
        instead_of="latency",
        processes_only="--url measures services that run already: leave out --on",
        flags=(
            Flag("--url", "A service of your own: name=http://…; the baseline first.", many=True),
            Flag("--locustfile", "With --url: what the visitors do."),
            Flag("--pid", "With --url: name=PID, to meter its CPU.", many=True),
            Flag(
                "--load",
                "With --url: turns (each visit on one, then on the other), or open (Poisson "
                "arrivals at --rate).",
            ),
            Flag("--rate", "With --load open: requests a second."),
            Flag("--users", "With --locustfile: how many of its users exist.", int),
            Flag(
                "--host-header",
                "With --url: the Host header; name=HOST, or one for all.",
                many=True,
            ),
            Flag(
                "--restart",
                "With --url: name=COMMAND that starts the service afresh and comes back; for each, "
                "and fresh starts become the unit.",
                many=True,
            ),
            Flag("--", "The locustfile's own arguments.", many=True),
        ),
    ),
)
