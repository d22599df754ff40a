/** Names, units and decimals of the measured quantities (TS 38.215, TS 38.214). */
import type { CellMeasurement } from '../api/types';

export type QuantityKey = Exclude<keyof CellMeasurement, 'cell_id'>;

export interface Quantity {
  name: string;
  unit: string;
  decimals: number;
}

export const QUANTITIES: Record<QuantityKey, Quantity> = {
  rsrp_dbm: { name: 'RSRP', unit: 'dBm', decimals: 0 },
  rsrq_db: { name: 'RSRQ', unit: 'dB', decimals: 1 },
  sinr_db: { name: 'SINR', unit: 'dB', decimals: 1 },
  cqi: { name: 'CQI', unit: '', decimals: 0 },
  ri: { name: 'RI', unit: '', decimals: 0 },
  pmi: { name: 'PMI', unit: '', decimals: 0 },
  timing_advance: { name: 'TA', unit: '', decimals: 0 },
  toa_ns: { name: 'ToA', unit: 'ns', decimals: 0 },
  aoa_deg: { name: 'UL-AoA', unit: '°', decimals: 0 },
  throughput_mbps: { name: 'Rate', unit: 'Mbit/s', decimals: 0 },
  bler: { name: 'BLER', unit: '', decimals: 3 },
  beam_id: { name: 'Beam', unit: '', decimals: 0 },
};

export const QUANTITY_KEYS = Object.keys(QUANTITIES) as QuantityKey[];

const FEATURES: Record<string, string> = {
  path_gain: 'Path gain',
  rsrp: 'RSRP',
  toa: 'ToA',
  aoa: 'UL-AoA',
  snr: 'SNR',
  sinr: 'SINR',
  throughput: 'Throughput',
  bler: 'BLER',
};

export function featureName(feature: string): string {
  return FEATURES[feature] ?? feature;
}
