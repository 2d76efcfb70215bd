/** The areas as a file of their own: what the console calls when one is opened or left. */
import { render } from 'preact';
import { PeoplePage } from '../people/area';
import type { Desk } from '../store/desk';
import { VisitorsPage } from '../visitors/page';
import { speak } from '../words';
import { BoardPage } from './board';
import { ReportsPage } from './reports';

const PAGES = {
  board: BoardPage,
  reports: ReportsPage,
  people: PeoplePage,
  visitors: VisitorsPage,
};

export function mount(node: Element, desk: Desk, name: keyof typeof PAGES): void {
  const { state } = desk;
  speak(state.boot.lang, state.boot.zone);
  const Page = PAGES[name];
  render(<Page desk={desk} state={state} key={name} />, node);
}

export function unmount(node: Element): void {
  render(null, node);
}
