import { render } from 'preact';
import '../../shared/tokens.css';
import './console.css';
import { applyBrand } from '../../shared/tokens';
import { App } from './app';
import { Store } from './store';
import { speak } from './text';
import type { Boot } from './types';

const root = document.getElementById('console')!;
const boot = JSON.parse(root.dataset.boot ?? '{}') as Boot;
speak(boot.lang, boot.zone);
applyBrand(document.documentElement, boot.colour, localStorage.getItem('console-theme') ?? 'auto');

const store = new Store(boot);
render(<App store={store} />, root);
store.start();
