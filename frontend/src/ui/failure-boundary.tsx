import { Component, type ReactNode } from 'react';
import { sentence } from '../format/format';
import { Notice } from './notice';

/** A page that says what to do instead of an empty one when something in it fails. */
export class FailureBoundary extends Component<{ children: ReactNode }, { failed: Error | null }> {
  override state: { failed: Error | null } = { failed: null };

  static getDerivedStateFromError(failed: Error) {
    return { failed };
  }

  override render() {
    const { failed } = this.state;
    if (failed === null) return this.props.children;
    return (
      <div className="notices">
        <Notice tone="error">
          The console stopped: {sentence(failed.message)} Reload the page to go on where you were.
        </Notice>
      </div>
    );
  }
}
