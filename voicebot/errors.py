"""Every error the product raises on purpose, as one tree.

    VoicebotError
    ├── SettingsError          a setting is unknown, missing or of the wrong kind
    ├── FlowError              a call flow, template or intents file is wrong (file:line)
    │   └── PromptError        a prompt cannot be rendered
    ├── ModelError             a model is missing, spoiled or cannot be loaded
    ├── EngineError            an engine failed on good input
    ├── StorageError           the database refused, is too old, or is full
    ├── PortfolioError         an imported file has bad rows (all of them listed)
    ├── ScoringError           a formula was given values that cannot be
    ├── CampaignError          a campaign or rule of calling is wrong (file:line), or cannot be done
    ├── MessageError           an email or SMS was refused, or may have left (carries which)
    ├── CallError              something about one call
    │   ├── CallRefused        the far end answered 3xx-6xx (carries the SIP status)
    │   ├── CallNotAnswered    nobody answered in time (we cancelled)
    │   └── CallEnded          the call is over; what was asked for is no longer possible
    ├── TrunkError             the SIP server cannot be reached or rejects us (retryable)
    ├── DialForbidden          a rule of calling says no (the customer asked not to be called)
    └── AdmissionError         the cap on calls is reached, or the server is draining (retryable)

`code` is stable and machine readable, `hint` tells a person what to do next, `retryable` says whether the same
thing may work later.  No message holds personal data (names, numbers, transcripts).
"""

from __future__ import annotations

from datetime import datetime


class VoicebotError(Exception):
    """Base of all errors raised on purpose."""

    code = "voicebot_error"
    retryable = False

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n  what to do: {self.hint}" if self.hint else self.message


class SettingsError(VoicebotError):
    """A setting is unknown, missing or of the wrong kind."""

    code = "settings"


class FlowError(VoicebotError):
    """A call flow, template or intents file is wrong; the message starts with file:line."""

    code = "flow"


class PromptError(FlowError):
    """A prompt cannot be rendered."""

    code = "prompt"


class ModelError(VoicebotError):
    """A model is missing, spoiled or cannot be loaded."""

    code = "model"


class EngineError(VoicebotError):
    """A recogniser, synthesizer or speaker encoder failed."""

    code = "engine"


class StorageError(VoicebotError):
    """The database refused, is too old, or is full."""

    code = "storage"


class PortfolioError(VoicebotError):
    """An imported file has bad rows; the message lists each with its line."""

    code = "portfolio"


class ScoringError(VoicebotError):
    """A formula was given values that cannot be, or something to score is not there; the message names all of them."""

    code = "scoring"


class CampaignError(VoicebotError):
    """A campaign's definition or a profile of calling rules is wrong, or what is asked of a campaign cannot be done."""

    code = "campaign"


class MessageError(VoicebotError):
    """An email or SMS did not leave, or may have. `unknown`: it may have (never sent again by itself); `again`: it did
    not, and the same may work later."""

    code = "message"

    def __init__(self, message: str, *, hint: str = "", unknown: bool = False, again: bool = False) -> None:
        super().__init__(message, hint=hint)
        self.unknown = unknown
        self.again = again
        self.retryable = again


class CallError(VoicebotError):
    """Something about one call."""

    code = "call"


class CallRefused(CallError):
    """The far end answered with a final status 3xx-6xx, or the network failed (status None)."""

    code = "call_refused"

    def __init__(self, message: str, *, status: int | None, reason: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason


class CallNotAnswered(CallError):
    """Nobody answered in time and the call was cancelled (RFC 3261 section 9)."""

    code = "call_not_answered"


class CallEnded(CallError):
    """The call is over."""

    code = "call_ended"


class TrunkError(VoicebotError):
    """The SIP server cannot be reached or rejects our credentials. `status`: its last answer to a call, if any."""

    code = "trunk"
    retryable = True
    status: int | None = None


class DialForbidden(VoicebotError):
    """A rule of calling forbids this call. `rule`: which; `retry_at`: when it may be allowed (None: not by waiting)."""

    code = "dial_forbidden"

    def __init__(self, message: str, *, hint: str = "", rule: str = "", retry_at: datetime | None = None) -> None:
        super().__init__(message, hint=hint)
        self.rule = rule
        self.retry_at = retry_at


class AdmissionError(VoicebotError):
    """The cap on calls is reached, or the server is draining. `retry_after_s`: when to try again, seconds from now."""

    code = "admission"
    retryable = True

    def __init__(self, message: str, *, hint: str = "", retry_after_s: int | None = None) -> None:
        if retry_after_s is not None:
            hint = "; ".join(filter(None, (f"try again in {retry_after_s} s", hint)))
        super().__init__(message, hint=hint)
        self.retry_after_s = retry_after_s
