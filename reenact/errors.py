"""All errors of this package, as one tree.

ReenactError                    code internal
├── InputError                  the input of the caller cannot be used
│   ├── UnsupportedMedia        unsupported_media
│   ├── ImageUnreadable         image_unreadable
│   ├── ImageTooLarge           image_too_large
│   ├── NoFaceFound             no_face_found
│   ├── FaceTooSmall            face_too_small
│   ├── FaceTurnedAway          face_turned_away
│   ├── FaceIndexOutOfRange     face_index_out_of_range
│   ├── TemplateNotFound        template_not_found
│   ├── DrivingUnreadable       driving_unreadable
│   ├── DrivingTooLong          driving_too_long
│   ├── DrivingStill            driving_still
│   └── InvalidOption           invalid_option
├── OutputError                 output_unwritable
│   └── DiskFull                disk_full
├── Cancelled                   cancelled
└── SetupError                  this installation is incomplete or broken
    ├── WeightsBroken           weights_broken
    ├── MotionOutdated          motion_outdated
    ├── ProviderUnavailable     provider_unavailable
    ├── ExtraMissing            extra_missing
    └── CertificateUnusable     certificate_unusable

A message is one or two sentences a person can act on. ``code`` never changes once released: the HTTP
service and the command line both show it.
"""


class ReenactError(Exception):
    """Base of all errors raised on purpose by this package."""

    code = "internal"


class InputError(ReenactError):
    """The caller's input cannot be used; the message says what to send instead."""

    code = "invalid_input"


class UnsupportedMedia(InputError):
    """The content has no accepted format, whatever the file name says."""

    code = "unsupported_media"


class ImageUnreadable(InputError):
    """The picture has an accepted format but is damaged or truncated."""

    code = "image_unreadable"


class ImageTooLarge(InputError):
    """The picture has more bytes or pixels than the limits allow."""

    code = "image_too_large"


class NoFaceFound(InputError):
    """No human face was found where one is needed."""

    code = "no_face_found"


class FaceTooSmall(InputError):
    """The chosen face has too few pixels to animate."""

    code = "face_too_small"


class FaceTurnedAway(InputError):
    """The face is seen from the side all the time, so that no other can be put over it."""

    code = "face_turned_away"


class FaceIndexOutOfRange(InputError):
    """``face`` names a face that the picture does not have."""

    code = "face_index_out_of_range"


class TemplateNotFound(InputError):
    """No template has this id and no file has this path."""

    code = "template_not_found"


class DrivingUnreadable(InputError):
    """The driving clip cannot be decoded or has no picture in it."""

    code = "driving_unreadable"


class DrivingTooLong(InputError):
    """The driving clip exceeds the limits on seconds, frames or bytes."""

    code = "driving_too_long"


class DrivingStill(InputError):
    """The driving clip has a single frame, so that nothing moves in it."""

    code = "driving_still"


class InvalidOption(InputError):
    """An option is outside its range."""

    code = "invalid_option"


class OutputError(ReenactError):
    """The result cannot be written where it was asked for."""

    code = "output_unwritable"


class DiskFull(OutputError):
    """The disk is full."""

    code = "disk_full"


class Cancelled(ReenactError):
    """The caller cancelled the work; nothing was written."""

    code = "cancelled"


class SetupError(ReenactError):
    """This installation is incomplete or broken."""

    code = "setup"


class WeightsBroken(SetupError):
    """A model file is missing or does not have the expected SHA-256."""

    code = "weights_broken"


class MotionOutdated(SetupError):
    """A stored motion was made with another keypoint model and must be rebuilt."""

    code = "motion_outdated"


class ProviderUnavailable(SetupError):
    """The requested execution provider (for instance CUDA) does not run here."""

    code = "provider_unavailable"


class ExtraMissing(SetupError):
    """An optional dependency is not installed; the message names the extra."""

    code = "extra_missing"


class CertificateUnusable(SetupError):
    """The certificate or key that signs results is missing, invalid or expired."""

    code = "certificate_unusable"
