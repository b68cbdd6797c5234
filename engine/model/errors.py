"""What went wrong, as what may follow: again, stop, look first, or refused with a reason."""


class TobanError(Exception):
    """Root of all errors that Toban raises on purpose; the text is one sentence for a person."""


class ConfigurationError(TobanError):
    """A file or setting cannot be used as it stands; the sentence says where and what to do."""


class Transient(TobanError):
    """It may work later without anybody's help."""

    def __init__(self, message: str, retry_after: float = 1.0) -> None:
        """`retry_after` is in seconds."""
        super().__init__(message)
        self.retry_after = retry_after


class Permanent(TobanError):
    """Repeating changes nothing."""


class Refused(Permanent):
    """A precondition does not hold; nothing was sent."""


class InDoubt(TobanError):
    """Sent, no answer: look at the world before anything else."""


class Conflict(TobanError):
    """A compare-and-set append lost: somebody else wrote the subject first."""
