"""How a case ends early: the answer is not the contract's, or it cannot be asked here."""


class ContractViolation(AssertionError):
    """The deployment's answer is not the contract's."""


class CaseSkipped(Exception):
    """The case cannot say anything here; its text says why."""
