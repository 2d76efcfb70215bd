import { render } from 'preact';
import '../../shared/tokens.css';
import './styles/base.css';
import './styles/layout.css';
import './styles/list.css';
import './styles/thread.css';
import './styles/composer.css';
import './styles/panels.css';
import './styles/said.css';
import './styles/small.css';
import './board/board.css';
import './help/help.css';
import './orders/orders.css';
import './people/people.css';
import './visitors/visitors.css';
import { applyBrand } from '../../shared/tokens';
import { App } from './app';
import { Desk } from './store/desk';
import type { Boot } from './types';
import { speak } from './words';

const root = document.getElementById('console')!;
const boot = JSON.parse(root.dataset.boot ?? '{}') as Boot;
speak(boot.lang, boot.zone);
applyBrand(document.documentElement, boot.colour, boot.prefs?.theme ?? 'auto');

const desk = new Desk(boot);
render(<App desk={desk} />, root);
void desk.start();
// Where the page works without a connection: the shell comes from the worker's store.
void navigator.serviceWorker
  ?.register('/console/sw.js', { scope: '/console/' })
  .catch(() => undefined);
