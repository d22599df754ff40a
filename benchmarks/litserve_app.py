"""The same locator behind LitServe, for the comparison in `serving.py`.

    python benchmarks/litserve_app.py PORT

Same request schema, model, map, threads and batch size; LitServe's own queue, batching and worker
process (which reads the request's type from the annotation of `decode_request`: annotations stay
objects here). Its answers lack what ours do beside: it keeps no log, and feeds nobody.
"""

import sys
from collections.abc import Sequence
from typing import Any

import litserve

from rayfix.api.replies import query_of, reply_of
from rayfix.api.schemas import LocateRequest
from rayfix.config import Settings
from rayfix.live.record import new_fix_id
from rayfix.locator.fix import LocateQuery, LocateResult
from rayfix.locator.locator import Locator

BATCH = 32
BATCH_TIMEOUT_S = 0.005


class LocateApi(litserve.LitAPI):  # type: ignore[misc]
    """LitServe's hooks around `Locator.locate`."""

    def setup(self, device: str) -> None:
        settings = Settings()
        self.scene = settings.scenes[0]
        self.locator = Locator.load(settings)

    def decode_request(self, request: LocateRequest) -> LocateQuery:
        return query_of(request, self.scene)

    def batch(self, queries: Sequence[LocateQuery]) -> list[LocateQuery]:
        return list(queries)

    def predict(self, queries: list[LocateQuery]) -> list[LocateResult]:
        return self.locator.locate(queries)

    def unbatch(self, results: list[LocateResult]) -> list[LocateResult]:
        return results

    def encode_response(self, result: LocateResult) -> dict[str, Any]:
        return reply_of(new_fix_id(), result, (), 0.0).model_dump(mode="json")


if __name__ == "__main__":
    api = LocateApi(max_batch_size=BATCH, batch_timeout=BATCH_TIMEOUT_S, api_path="/api/v1/locate")
    server = litserve.LitServer(api, accelerator="cpu", workers_per_device=1, timeout=60)
    server.run(host="127.0.0.1", port=int(sys.argv[1]), generate_client_file=False)
