"""The problems that a partner can meet, each with a type of its own (RFC 9457).

None of them says anything of a record: they are about the message, the partner and the agreement.
"""

from __future__ import annotations

from athena.platform.kernel.errors import AthenaError, RefusedError


class SignatureMissingError(AthenaError):
    """The message isn't signed at all."""

    status = 401
    slug = "signature-missing"
    title = "The message isn't signed"


class SignatureMalformedError(AthenaError):
    """The fields of the signature can't be read, or there are several signatures."""

    status = 401
    slug = "signature-malformed"
    title = "The signature can't be read"


class SignatureTagError(AthenaError):
    """The signature was made for something else."""

    status = 401
    slug = "signature-tag-unexpected"
    title = "The signature is for another use"


class SignatureParametersError(AthenaError):
    """The signature doesn't say when it was made, by which key, or has no nonce."""

    status = 401
    slug = "signature-parameters-missing"
    title = "The signature doesn't say enough of itself"


class AlgorithmError(AthenaError):
    """The signature is of an algorithm that isn't used here."""

    status = 401
    slug = "algorithm-not-allowed"
    title = "Only Ed25519 is accepted"


class ComponentsError(AthenaError):
    """The signature leaves out a part of the message that it must cover."""

    status = 401
    slug = "components-not-covered"
    title = "The signature doesn't cover the whole message"


class ClockSkewedError(AthenaError):
    """The message is too old, or from the future."""

    status = 401
    slug = "clock-skewed"
    title = "The message isn't of now"


class SignatureExpiredError(AthenaError):
    """The signature says itself that it is over."""

    status = 401
    slug = "signature-expired"
    title = "The signature has expired"


class KeyUnknownError(AthenaError):
    """No such key is registered."""

    status = 401
    slug = "key-unknown"
    title = "The key isn't registered"


class KeyNotYetValidError(RefusedError):
    """The key is registered for later."""

    status = 401
    slug = "key-not-yet-valid"
    title = "The key isn't valid yet"


class KeyRotatedError(RefusedError):
    """The key was replaced, and its overlap is over."""

    status = 401
    slug = "key-rotated"
    title = "The key was replaced"


class KeyRevokedError(RefusedError):
    """The key was revoked."""

    status = 401
    slug = "key-revoked"
    title = "The key was revoked"


class DigestMismatchError(AthenaError):
    """The body isn't the one whose digest was signed."""

    status = 401
    slug = "content-digest-mismatch"
    title = "The body isn't the one that was signed"


class SignatureInvalidError(AthenaError):
    """The signature doesn't verify over the message as it arrived."""

    status = 401
    slug = "signature-invalid"
    title = "The signature doesn't verify"


class ReplayedError(RefusedError):
    """This very message was here before."""

    status = 401
    slug = "replayed"
    title = "The message was sent before"


class CallerFieldError(AthenaError):
    """A field that says who asks, or under which agreement, isn't written as it has to be."""

    status = 400
    slug = "caller-field-invalid"
    title = "A field about the caller can't be read"


class PathError(AthenaError):
    """The path isn't written as this interface writes it."""

    status = 400
    slug = "path-not-canonical"
    title = "The path isn't written plainly"


class BodyTooLargeError(AthenaError):
    """The body is larger than any that is needed."""

    status = 413
    slug = "body-too-large"
    title = "The body is too large"


class ContentTypeError(AthenaError):
    """The body isn't declared as JSON."""

    status = 415
    slug = "content-type-not-accepted"
    title = "The content type isn't accepted"


class IdempotencyKeyMissingError(AthenaError):
    """A call that must be answered once has no key to know it by."""

    status = 400
    slug = "idempotency-key-missing"
    title = "The call has no usable Idempotency-Key"


class IdempotencyKeyReusedError(RefusedError):
    """The same idempotency key came with another body."""

    status = 422
    slug = "idempotency-key-reused"
    title = "The Idempotency-Key was used for another body"


class BeingAnsweredError(RefusedError):
    """The same call is being answered at this moment."""

    status = 409
    slug = "being-answered"
    title = "The same call is being answered just now"


class AnswerGoneError(RefusedError):
    """The call was answered, and the answer isn't kept any more."""

    status = 410
    slug = "answer-gone"
    title = "The answer isn't kept any more"


class PartnerSuspendedError(RefusedError):
    """The organisation is suspended."""

    slug = "partner-suspended"
    title = "The organisation is suspended"


class AgreementUnknownError(RefusedError):
    """The partner isn't registered under this agreement: it isn't told whether there is one."""

    slug = "agreement-not-yours"
    title = "The agreement isn't one of yours"


class AgreementEndedError(RefusedError):
    """The client body has ended the partner's use of the agreement."""

    slug = "agreement-ended"
    title = "The agreement is no longer used for you"


class AgreementSuspendedError(RefusedError):
    """The agreement is suspended."""

    slug = "agreement-suspended"
    title = "The agreement is suspended"


class AgreementExpiredError(RefusedError):
    """The agreement's last day has passed."""

    slug = "agreement-expired"
    title = "The agreement has expired"


class AgreementNotInForceError(RefusedError):
    """The agreement is unsigned, not begun, overdue for review, or its assessment has expired."""

    slug = "agreement-not-in-force"
    title = "The agreement isn't in force"


class PurposeNotAllowedError(RefusedError):
    """The agreement doesn't allow the purpose."""

    slug = "purpose-not-allowed"
    title = "The agreement doesn't allow this purpose"


class SubmissionNotAllowedError(RefusedError):
    """The agreement doesn't let the partner submit anything to this force."""

    slug = "submission-not-allowed"
    title = "The agreement doesn't allow this submission"


class UnderReviewError(RefusedError):
    """Something in the partner's calls is being looked at."""

    slug = "under-review"
    title = "Calls under this agreement are stopped for review"


class HourlyQuotaError(RefusedError):
    """The calls of the hour are used up."""

    status = 429
    slug = "hourly-quota-spent"
    title = "The calls of this hour are used up"


class DailyQuotaError(RefusedError):
    """The calls of the day are used up."""

    status = 429
    slug = "daily-quota-spent"
    title = "The calls of this day are used up"


class BatchesWaitingError(RefusedError):
    """As many batches of the partner as may wait aren't answered yet."""

    status = 429
    slug = "batches-waiting"
    title = "Too many batches wait to be answered"
