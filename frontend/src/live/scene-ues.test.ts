import { expect, test } from 'vitest';
import type { LiveUe } from './live-state';
import { uesOfScene } from './scene-ues';

const ue = (scene: string) => ({ fix: { properties: { scene } } }) as LiveUe;

test('only those of the shown scene are shown', () => {
  const ues = { a: ue('munich'), b: ue('town') };
  expect(Object.keys(uesOfScene(ues, 'town'))).toEqual(['b']);
  expect(uesOfScene({ a: ues.a }, 'town')).toEqual({});
});

test('where all are, nothing is made anew', () => {
  const ues = { a: ue('munich') };
  expect(uesOfScene(ues, 'munich')).toBe(ues);
  expect(uesOfScene(ues, null)).toBe(ues);
});
