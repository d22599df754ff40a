/** Names, units and decimals of the measured quantities (TS 38.215, TS 38.214). */
export interface Quantity {
  name: string;
  unit: string;
  decimals: number;
}

const QUANTITIES: Record<string, Quantity> = {
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

export const QUANTITY_KEYS = Object.keys(QUANTITIES);

/** An unknown quantity is shown under the name it came with. */
export function quantity(key: string): Quantity {
  return QUANTITIES[key] ?? { name: key, unit: '', decimals: 2 };
}

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
