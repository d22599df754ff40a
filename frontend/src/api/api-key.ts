/** The key that the service asks for, kept for this tab only. */
import { create } from 'zustand';

const STORED = 'rayfix-key';

export const useApiKey = create<{ key: string | null; refused: boolean }>(() => ({
  key: window.sessionStorage.getItem(STORED),
  refused: false,
}));

export function setApiKey(key: string): void {
  window.sessionStorage.setItem(STORED, key);
  useApiKey.setState({ key, refused: false });
}

/** The service answered 401: a key is missing or not the right one. */
export function refuseApiKey(): void {
  useApiKey.setState({ refused: true });
}

export function keyHeaders(): Record<string, string> {
  const { key } = useApiKey.getState();
  return key === null ? {} : { 'X-API-Key': key };
}

/** An address with the key in it, for what takes no headers: images, downloads, sockets. */
export function withKey(address: string): string {
  const { key } = useApiKey.getState();
  if (key === null) return address;
  return `${address}${address.includes('?') ? '&' : '?'}key=${encodeURIComponent(key)}`;
}
