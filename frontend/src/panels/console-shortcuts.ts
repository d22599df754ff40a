/** Every shortcut of the console; the help sheet and docs/console.md list them. */
import { usePlayback } from '../live/playback-store';
import type { Shortcut } from '../ui/shortcuts';
import { OVERLAYS, TABS } from '../url/url-state';
import { setUrlState, urlState } from '../url/use-url-state';
import { backToLive, startPlayback, stepTime } from './timeline-actions';

const STEP_MS = 5_000;

function next<T>(values: readonly T[], current: T): T {
  return values[(values.indexOf(current) + 1) % values.length] ?? current;
}

export interface Actions {
  search: () => void;
  help: () => void;
  locate: () => void;
  features: readonly string[];
  fixId: string | null;
}

export function consoleShortcuts({ search, help, locate, features, fixId }: Actions): Shortcut[] {
  return [
    {
      key: '/',
      shown: '/',
      does: 'Search UEs and cells',
      run: search,
    },
    {
      key: 'u',
      shown: 'U',
      does: 'Hide or show the panel on the left',
      run: () => setUrlState({ panel: !urlState().panel }),
    },
    {
      key: 'Escape',
      shown: 'Esc',
      does: 'Close the inspector or the evaluation',
      run: () =>
        setUrlState(
          urlState().page === 'evaluation'
            ? { page: 'map' }
            : { ue: null, fix: null, follow: false },
          'push',
        ),
    },
    {
      key: 'f',
      shown: 'F',
      does: 'Follow the selected UE',
      run: () => urlState().ue !== null && setUrlState({ follow: !urlState().follow }),
    },
    {
      key: 'h',
      shown: 'H',
      does: 'Hold the shown fix, or go on with the latest',
      run: () =>
        urlState().ue !== null && setUrlState({ fix: urlState().fix === null ? fixId : null }),
    },
    {
      key: 't',
      shown: 'T',
      does: 'Next tab of the inspector',
      run: () => setUrlState({ tab: next(TABS, urlState().tab) }),
    },
    {
      key: 'o',
      shown: 'O',
      does: 'Next overlay: attention, posterior, radio map',
      run: () => setUrlState({ overlay: next(OVERLAYS, urlState().overlay) }),
    },
    {
      key: 'm',
      shown: 'M',
      does: 'Next radio-map feature',
      run: () =>
        setUrlState({ feature: next([...features, null], urlState().feature), range: null }),
    },
    {
      key: 'p',
      shown: 'P',
      does: 'Play back the last minutes, or go back to live',
      run: () => (urlState().time === null ? startPlayback() : backToLive()),
    },
    {
      key: ' ',
      shown: 'Space',
      does: 'Pause and go on with playback',
      run: () => usePlayback.setState(({ playing }) => ({ playing: !playing })),
    },
    { key: ',', shown: ',', does: 'Five seconds back', run: () => stepTime(-STEP_MS) },
    { key: '.', shown: '.', does: 'Five seconds on', run: () => stepTime(STEP_MS) },
    { key: 'l', shown: 'L', does: 'Locate reports from a file or the clipboard', run: locate },
    {
      key: 'a',
      shown: 'A',
      does: 'Alerts and geofences, or the list of UEs',
      run: () => setUrlState({ page: urlState().page === 'alerts' ? 'map' : 'alerts' }),
    },
    {
      key: 'e',
      shown: 'E',
      does: 'Evaluation of the model',
      run: () =>
        setUrlState({ page: urlState().page === 'evaluation' ? 'map' : 'evaluation' }, 'push'),
    },
    { key: '?', shown: '?', does: 'This sheet', run: help },
  ];
}
