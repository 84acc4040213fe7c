"""One order done with the engine: from its uploads to a published result."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from reenact.engine import Engine
from reenact.errors import TemplateNotFound
from reenact.gallery import TemplateMetadata, add_template, get_portrait, get_template
from reenact.options import AnimateOptions, SwapOptions
from reenact.pipeline import Animated, animate, swap
from reenact.provenance.certificate import Certificate
from reenact.provenance.credentials import check_certificate
from reenact.types import FrameCallback, ProgressCallback, Template
from reenact.watermark.embed import PUBLIC_KEY, Watermark
from server.engine.certificate import certificate_of
from server.engine.swap import check_clip, count_tracking
from server.errors import NotReady
from server.jobs.files import made_by
from server.jobs.job import DetectedFace, Job, Outcome
from server.jobs.order import Order
from server.screening import Screen, Submission
from server.settings import Settings
from server.storage import DRIVING, SELFIE, Storage


class EngineWorker:
    """Holds the engine and runs jobs with it in the calling thread; see ``Worker``."""

    def __init__(
        self,
        settings: Settings,
        storage: Storage,
        open_engine: Callable[[], Engine],
        screen: Screen,
    ) -> None:
        """``open`` calls ``open_engine``. ``screen`` may refuse an order."""
        self._settings, self._storage, self._open_engine = settings, storage, open_engine
        self._screen = screen
        self._engine: Engine | None = None
        self._certificate: Certificate | None = None
        self._key = settings.watermark_key.encode() if settings.watermark_key else PUBLIC_KEY

    @property
    def ready(self) -> bool:
        """Whether it is open."""
        return self._engine is not None

    def open(self) -> str:
        """Open the certificate and the engine, and tell where the model runs; raises SetupError."""
        self._certificate = certificate_of(self._settings)
        check_certificate(self._certificate)
        self._engine = self._open_engine()
        return self._engine.provider

    def close(self) -> None:
        """The engine ends with its process."""

    def run_job(self, job: Job, name: str, watch: ProgressCallback, show: FrameCallback) -> Outcome:
        """Run a job; see ``Worker``.

        Every frame carries the watermark of the job, and the file Content Credentials. The clip of a new
        template is an operator's own, so that it is not screened.
        """
        if self._engine is None:
            raise NotReady("The model is still being loaded.")
        if job.order.card:
            return self._add(self._engine, job, Path(name).stem, watch)
        order, options = job.order, self._options(job)
        with self._storage.checked_out(order.upload_folder, Path(name).stem) as folder:
            watch(0, job.frames_total)  # report progress before and after each slow step
            selfie, motion = self._selfie(order, folder), self._motion(order, folder)
            watch(0, job.frames_total)  # report progress before and after each slow step
            stills: tuple[Path, ...] = ()
            if isinstance(options, SwapOptions):
                stills = check_clip(self._engine, _clip_of(motion), options.span, folder, watch)
            self._screen.check(self._engine, _submission(job, selfie, stills, folder))
            watch(0, job.frames_total)
            out = folder / name
            made = _make(self._engine, selfie, motion, out, options, watch, show)
            watch(made.written.frames, made.written.frames)
            stored = self._storage.publish(out, name)
        file, faces = made.written, tuple(DetectedFace(face.box, face.score) for face in made.faces)
        size, rate = (file.width, file.height), float(file.fps)
        return Outcome(stored, *size, file.frames, rate, faces, made.seconds, file.sound)

    def _options(self, job: Job) -> AnimateOptions | SwapOptions:
        """What the order asks, with the job's marks."""
        asked = job.order.options()
        return replace(
            asked,
            watermark=Watermark(watermark_id(job.id), self._key),
            certificate=self._certificate,
            encode=replace(asked.encode, encoder=self._settings.encoder),
        )

    def _add(self, engine: Engine, job: Job, attempt: str, watch: ProgressCallback) -> Outcome:
        """Make a template of a job's clip, overwriting that of an earlier attempt, but no other."""
        order, begun = job.order, time.perf_counter()
        facts = order.card or {}
        card = TemplateMetadata(**facts | {"tags": tuple(facts["tags"]), "made_by": job.id})
        with self._storage.checked_out(order.upload_folder, attempt) as folder:
            made = add_template(
                engine,
                folder / DRIVING,
                order.template or "",
                card,
                self._settings.more_templates,
                overwrite=made_by(job, self._settings),
                on_progress=watch,
            )
        motion, seconds = made.motion, {"add": round(time.perf_counter() - begun, 4)}
        return Outcome(None, 0, 0, len(motion), float(motion.fps), (), seconds)

    def _selfie(self, order: Order, folder: Path) -> Path:
        if order.portrait:
            return get_portrait(order.portrait, self._settings.portraits, self._settings.more_portraits).path
        return folder / SELFIE

    def _motion(self, order: Order, folder: Path) -> Template | Path:
        if order.template:
            return get_template(order.template, self._settings.templates, more=self._settings.more_templates)
        return folder / DRIVING


def _clip_of(motion: Template | Path) -> Path:
    """The clip that a face is put into; raises TemplateNotFound where it is gone since the order came."""
    clip = motion.driving if isinstance(motion, Template) else motion
    if clip is None:
        raise TemplateNotFound("The template has no clip any more. Choose another one, or send a clip.")
    return clip


def _make(
    engine: Engine,
    selfie: Path,
    motion: Template | Path,
    out: Path,
    options: AnimateOptions | SwapOptions,
    watch: ProgressCallback,
    show: FrameCallback,
) -> Animated:
    if isinstance(options, AnimateOptions):
        return animate(engine, selfie, motion, out, options, watch, show)
    return swap(engine, selfie, motion, out, options, count_tracking(watch), show)


def _submission(job: Job, selfie: Path, stills: tuple[Path, ...], folder: Path) -> Submission:
    """A job as the checks see it."""
    order = job.order
    driving = None if order.template else folder / DRIVING
    return Submission(
        job.id, job.owner, selfie, order.portrait, driving, order.template, order.effect, stills
    )


def watermark_id(job: str) -> int:
    """The 64 bits that mark a job's result: whoever knows the job's id finds them, but not the reverse."""
    return int.from_bytes(sha256(job.encode()).digest()[:8])
