"""清单 → 点单 → 派单/接单: listings, orders and who carries them out."""
