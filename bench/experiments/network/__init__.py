"""Response time as hops get slower or lose packets: where does the ranking flip?"""

from bench.registry import Experiment

EXPERIMENTS = (
    Experiment(
        name="network",
        question="Where does the order of the two flip as hops get slower, or lose packets?",
        rank=50,
        measuring="bench.experiments.network.measure",
        reporting="bench.experiments.network.section",
        loads=("network.rates_rps", "network.probed_rps"),
        heeds=("deployments", "mixes", "cpus", "seed", "max_minutes", "load_workers"),
        processes_only="its proxy stands between processes",
    ),
)
