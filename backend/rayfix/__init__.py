"""RayFix: finding phones from what they hear of 4G/5G cells, with ray-traced radio maps."""

__version__ = "0.1.0"
