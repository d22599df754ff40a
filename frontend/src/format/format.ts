/** Numbers as a person reads them: fixed decimals, a true minus sign, no wrapping. */

const MINUS = '\u2212';
export const MISSING = '\u2013';

export function number(value: number | null | undefined, decimals = 0): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return MISSING;
  const text = value.toFixed(decimals);
  return Number(text) === 0 ? text.replace('-', '') : text.replace('-', MINUS);
}

/** So many digits that say something, and the whole of a larger number. */
export function significant(value: number | null | undefined, digits: number): string {
  if (value === null || value === undefined || value === 0) return number(value);
  return number(value, Math.max(0, digits - 1 - Math.floor(Math.log10(Math.abs(value)))));
}

/** With its sign, for differences. */
export function signed(value: number | null | undefined, decimals = 0): string {
  const text = number(value, decimals);
  return value !== null && value !== undefined && Number(value.toFixed(decimals)) > 0
    ? `+${text}`
    : text;
}

export function withUnit(text: string, unit: string): string {
  if (text === MISSING || unit === '' || unit === '1') return text;
  return unit === 'deg' || unit === '\u00b0' ? `${text}\u00b0` : `${text}\u00a0${unit}`;
}

/** A length, one decimal below 10 m. */
export function metres(value: number | null | undefined): string {
  const small = value !== null && value !== undefined && Math.abs(value) < 9.95;
  return withUnit(number(value, small ? 1 : 0), 'm');
}

export function percent(share: number, decimals = 0): string {
  return withUnit(number(share * 100, decimals), '%');
}

/** How long ago, in the largest unit that still says something. */
export function age(milliseconds: number): string {
  const seconds = Math.max(0, Math.round(milliseconds / 1000));
  if (seconds < 60) return `${seconds}\u00a0s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}\u00a0min`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)}\u00a0h`;
  return `${Math.floor(seconds / 86_400)}\u00a0d`;
}

/** Decimals worth showing for a map feature. */
export function featureDecimals(feature: string): number {
  return { toa: 0, aoa: 0, bler: 3 }[feature] ?? 1;
}

export function clock(time: string | number): string {
  const date = new Date(typeof time === 'number' ? time * 1000 : time);
  if (Number.isNaN(date.getTime())) return MISSING;
  const two = (n: number) => String(n).padStart(2, '0');
  const tenths = Math.floor(date.getMilliseconds() / 100);
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${tenths}`;
}

/** A message of the service as a sentence. */
export function sentence(message: string): string {
  const text = message.charAt(0).toUpperCase() + message.slice(1);
  return /[.!?]$/.test(text) ? text : `${text}.`;
}
