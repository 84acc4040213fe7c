from __future__ import annotations

import torch

from reenact.layers.pose import apply_to_both


def test_one_source_is_worked_on_once_for_a_whole_batch() -> None:
    source, driving, seen = torch.rand(1, 3), torch.rand(4, 3), list[int]()

    def work(values: torch.Tensor) -> torch.Tensor:
        seen.append(len(values))
        return values.exp()

    was, now = apply_to_both(work, source, driving)
    assert torch.equal(was, source.exp())
    assert torch.equal(now, driving.exp())
    assert seen == [5]
