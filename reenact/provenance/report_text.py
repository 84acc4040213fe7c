"""A report in plain words."""

from __future__ import annotations

from reenact.provenance.manifest import Manifest
from reenact.provenance.verify import Report, Verdict
from reenact.watermark.detect import FALSE_POSITIVE_RATE, DetectedMark

_MADE = "This was made by Reenact: "
_ACTS = {"animate": "the face in it was moved by a program.", "swap": "a program put a face into a clip."}
_VERDICTS: dict[Verdict, str] = {
    "made": f"{_MADE}a program moved the face in it, or put it there.",
    "signed": "The file has a signed record of its origin, and was not changed since it was signed.",
    "changed": "The file was changed after it was signed: its record of origin cannot be trusted.",
    "cannot_tell": "Cannot tell. Neither a record nor a watermark of this key was found. That does not show "
    "that it is real: it may come from another program or key, or both may have been destroyed.",
}


def report_sentences(report: Report) -> list[str]:
    """The report for a person: the verdict first, then what it rests on."""
    said = [_verdict(report)]
    if report.watermark:
        said.append(_watermark(report.watermark))
    elif report.verdict != "cannot_tell":
        said.append("No watermark of this key was found; it may have been destroyed.")
    if report.manifest:
        said += _manifest(report.manifest)
    elif report.watermark:
        said.append("It has no Content Credentials; they are lost when a file is saved again.")
    return said


def _verdict(report: Report) -> str:
    """What follows from the report; only a manifest that holds says what was done."""
    manifest = report.manifest
    act = manifest.act if manifest and manifest.valid and manifest.ours else None
    if report.verdict == "made" and act in _ACTS:
        return _MADE + _ACTS[act]
    return _VERDICTS[report.verdict]


def _watermark(mark: DetectedMark) -> str:
    return (
        f"Watermark {mark.id:016x}: {mark.confidence:.0%} of its bits read correctly, "
        f"{mark.agreeing} of {mark.frames} frames agree. "
        f"The false positive rate is one in {1 / FALSE_POSITIVE_RATE:,.0f} clips."
    )


def _manifest(manifest: Manifest) -> list[str]:
    if not manifest.valid:
        return [f"Content Credentials: not valid ({', '.join(manifest.problems) or 'unknown reason'})."]
    ai = " with AI" if manifest.made_by_ai else ""
    when = f" at {manifest.time}" if manifest.time else ""
    motion = f", template {manifest.template}" if manifest.template else ""
    program = manifest.program or "an unnamed program"
    done = "a face was put into a clip" if manifest.act == "swap" else "made"
    said = [f"Content Credentials: valid. They say: {done}{ai} by {program}{when}{motion}."]
    for each in manifest.ingredients:
        too = ", which has Content Credentials too" if each.signed else ""
        said.append(f"Made of: {each.title or 'something unnamed'}{too}.")
    return [*said, _signer(manifest)]


def _signer(manifest: Manifest) -> str:
    if manifest.development:
        return (
            "Signed with a DEVELOPMENT certificate. Anybody can make one: it shows that the file was not "
            "changed, but not who signed it."
        )
    if manifest.trusted:
        return f"Signed by {manifest.signer}, whose certificate comes from a trusted authority."
    name = manifest.signer or "somebody unnamed"
    return f"Signed by {name}, whose certificate comes from no authority that is trusted here."
