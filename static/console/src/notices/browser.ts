/** This browser's own pushes: allowed after a click, taken back, asked after. */
import { call } from '../net/api';

export type Allowed = 'yes' | 'no' | 'refused' | 'unable';

const bytes = (text: string): Uint8Array<ArrayBuffer> => {
  const plain = atob(text.replace(/-/g, '+').replace(/_/g, '/'));
  const out = new Uint8Array(new ArrayBuffer(plain.length));
  for (let at = 0; at < plain.length; at++) out[at] = plain.charCodeAt(at);
  return out;
};

const able = (): boolean => 'serviceWorker' in navigator && 'PushManager' in window;

export async function state(): Promise<Allowed> {
  if (!able()) return 'unable';
  if (Notification.permission === 'denied') return 'refused';
  const worker = await navigator.serviceWorker.ready;
  return (await worker.pushManager.getSubscription()) ? 'yes' : 'no';
}

/** Call it from a click: browsers ask their own question only then. */
export async function allow(device: string): Promise<Allowed> {
  if (!able()) return 'unable';
  if ((await Notification.requestPermission()) !== 'granted') return 'refused';
  const worker = await navigator.serviceWorker.ready;
  const { push } = await call<{ push: { key: string } }>('GET', '/desk/notices/');
  const found = await worker.pushManager.subscribe({
    userVisibleOnly: true,
    applicationServerKey: bytes(push.key),
  });
  await call('POST', '/desk/push/', { ...found.toJSON(), device });
  return 'yes';
}

export async function stop(): Promise<void> {
  const worker = await navigator.serviceWorker.ready;
  const found = await worker.pushManager.getSubscription();
  if (!found) return;
  await call('DELETE', '/desk/push/', { endpoint: found.endpoint });
  await found.unsubscribe();
}
