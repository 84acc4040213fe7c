"""One order done with the engine: from its uploads to a published result."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from reenact.engine import Engine
from reenact.gallery import get_portrait, get_template
from reenact.pipeline import Show, Watch, animate
from reenact.provenance.certificate import Certificate
from reenact.provenance.credentials import check
from reenact.provenance.embed import PUBLIC_KEY, Watermark
from reenact.types import Template
from server.certificate import certificate_of
from server.config import Settings
from server.errors import NotReady
from server.jobs.job import Outcome, SeenFace
from server.jobs.order import Order
from server.storage import DRIVING, SELFIE, Storage


class Worker:
    """Holds the engine and does orders, one at a time."""

    def __init__(self, settings: Settings, storage: Storage, open_engine: Callable[[], Engine]) -> None:
        """Only remembers how to open the engine; ``open`` does it."""
        self._settings, self._storage, self._open_engine = settings, storage, open_engine
        self._engine: Engine | None = None
        self._certificate: Certificate | None = None
        self._key = settings.watermark_key.encode() if settings.watermark_key else PUBLIC_KEY

    def open(self) -> None:
        """Open the certificate and the engine; raises SetupError."""
        self._certificate = certificate_of(self._settings)
        check(self._certificate)
        self._engine = self._open_engine()

    def do(self, job: str, order: Order, name: str, watch: Watch, show: Show) -> Outcome:
        """Do a job's order and publish its result under a name. Its uploads stay, for another attempt.

        Every frame carries the watermark of the job, and the file Content Credentials.
        ``watch`` is told of every frame, ``show`` is handed it.

        Raises:
            ReenactError: the order cannot be done, or ``watch`` stopped it.
        """
        if self._engine is None:
            raise NotReady("The model is still being loaded.")
        mark = Watermark(watermark_id(job), self._key)
        options = replace(order.options(), watermark=mark, certificate=self._certificate)
        with self._storage.at_hand(order.place):
            out = self._storage.upload(order.place, name)
            made = animate(self._engine, self._selfie(order), self._motion(order), out, options, watch, show)
            stored = self._storage.publish(out, name)
        file, faces = made.written, tuple(SeenFace(face.box, face.score) for face in made.faces)
        return Outcome(stored, file.width, file.height, file.frames, float(file.fps), faces, made.seconds)

    def share(self, order: Order) -> None:
        """Bring an order's uploads to where every worker finds them."""
        self._storage.share(order.place)

    def drop(self, order: Order) -> None:
        """Delete an order's uploads."""
        self._storage.drop(order.place)

    def delete(self, name: str) -> None:
        """Delete a result."""
        self._storage.delete(name)

    def _selfie(self, order: Order) -> Path:
        if order.portrait:
            return get_portrait(order.portrait, self._settings.portraits, self._settings.more_portraits).path
        return self._storage.upload(order.place, SELFIE)

    def _motion(self, order: Order) -> Template | Path:
        if order.template:
            return get_template(order.template, self._settings.templates)
        return self._storage.upload(order.place, DRIVING)


def watermark_id(job: str) -> int:
    """The 64 bits that mark a job's result: whoever knows the job's id finds them, but not the reverse."""
    return int.from_bytes(sha256(job.encode()).digest()[:8])
