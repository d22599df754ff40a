"""The sizes of the network; saved with the weights, so that they rebuild it."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, model_validator


class NetworkConfig(BaseModel):
    """Architecture of `LocatorNetwork`; a key that is not listed here is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    width: int = Field(default=128, ge=16, le=1024, description="channels of every token")
    heads: int = Field(default=4, ge=1, description="attention heads; divides the width")
    radio_layers: int = Field(default=3, ge=1, description="transformer layers over reports")
    map_layers: int = Field(default=2, ge=1, description="transformer layers over map tokens")
    cross_layers: int = Field(default=2, ge=1, description="layers from radio queries to the map")
    candidates: int = Field(
        default=128, ge=1, description="likeliest coarse cells that attention looks at"
    )
    queries: int = Field(default=4, ge=1, description="radio-conditioned queries")
    feed_forward: int = Field(default=256, ge=16, description="hidden channels of a layer")
    dropout: float = Field(default=0.1, ge=0.0, lt=1.0)
    rows: int = Field(default=32, ge=2, description="coarse cells south to north")
    columns: int = Field(default=32, ge=2, description="coarse cells west to east")
    top_k: int = Field(default=5, ge=1, description="coarse cells that the fine head looks at")
    evidence_block_m: float = Field(
        default=8.0, gt=0.0, le=64.0, description="side of a block of the grid evidence [m]"
    )
    use_map: bool = Field(default=True, description="for ablation: what the map encoder reads")
    use_evidence: bool = Field(
        default=True, description="for ablation: physical evidence, and refinement on it"
    )
    trust_hidden: int = Field(default=32, ge=4, description="hidden channels of map trust")

    @model_validator(mode="after")
    def _divides(self) -> NetworkConfig:
        if self.width % (4 * self.heads):
            raise ValueError("width must be a multiple of four times heads")
        if self.top_k > self.rows * self.columns:
            raise ValueError("top_k must not exceed rows x columns")
        if self.use_evidence and not self.use_map:
            raise ValueError("use_evidence needs use_map")
        return self
