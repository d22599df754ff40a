import '../ui/tabs.css';
import { PAGES, type Page } from '../url/url-state';
import { setUrlState, useUrlState } from '../url/use-url-state';

const PAGE_WORDS: Record<Page, string> = {
  map: 'UEs',
  alerts: 'Alerts',
  evaluation: 'Evaluation',
};

interface Props {
  onLocate: () => void;
  onPage: (page: Page) => void;
}

/** What the left panel and the stage show. */
export function PageTabs({ onLocate, onPage }: Props) {
  const page = useUrlState((state) => state.page);
  return (
    <nav className="tabs tabs-pages" aria-label="Views">
      {PAGES.map((name) => (
        <button
          key={name}
          type="button"
          aria-current={name === page ? 'page' : undefined}
          onClick={() => {
            setUrlState({ page: name }, 'push');
            onPage(name);
          }}
        >
          {PAGE_WORDS[name]}
        </button>
      ))}
      <button type="button" onClick={onLocate}>
        Locate…
      </button>
    </nav>
  );
}
