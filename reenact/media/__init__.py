"""Reading pictures and driving clips, writing animations.

read_picture   a selfie's bytes or path -> (H, W, 3) uint8 sRGB, upright
check_picture  the same                -> its size, from the header alone
open_clip      a driving clip's path    -> Clip, frames decoded as they are taken
check_output   where a clip is to go    -> its format
write_clip     Clip                     -> mp4, gif or webp, complete or not at all
"""

from reenact.media.encode import EncodedFile, EncodeOptions, check_output, write_clip
from reenact.media.picture import PictureLimits, check_picture, read_picture
from reenact.media.span import WHOLE, Span
from reenact.media.video import VIDEO_LIMITS, VideoLimits, has_sound, open_clip

__all__ = [
    "VIDEO_LIMITS",
    "WHOLE",
    "EncodeOptions",
    "EncodedFile",
    "PictureLimits",
    "Span",
    "VideoLimits",
    "check_output",
    "check_picture",
    "has_sound",
    "open_clip",
    "read_picture",
    "write_clip",
]
