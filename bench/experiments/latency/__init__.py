"""Time and CPU of single requests in every deployment, in paired rounds; the ladder is in it.

`plan` says what is measured and how long it takes, `start` measures one start of all deployments,
`measure` makes starts until the metrics named beforehand are decided.
"""
