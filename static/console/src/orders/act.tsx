/** Looked at, then done, then told that it is done: the status, a return or a repeat of an order. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { call, isRefused } from '../net/api';
import type { Desk } from '../store/desk';
import type { OrderAct as Act } from '../types';
import { Dialog } from '../ui/dialog';
import { Icon } from '../ui/icons';
import { money, statusText } from '../words';
import { told } from '../words/told';
import { orderWords } from './words';

interface Line {
  line: number;
  name: string;
  qty: string;
  most: string;
  price: string;
  was: string;
  sum: string;
  is_sold: boolean;
}

interface Look {
  status: string;
  status_text: string;
  currency: string;
  text: string;
  doubts: string[];
  mark: string;
  sum: string;
  lines: Line[];
}

interface Done {
  request: {
    id: number;
    lines: { name: string; qty: string }[];
    sum: string;
    currency: string;
  } | null;
  message: { id: number } | null;
}

const TOGETHER_MS = 250;

export function OrderAct({ desk, act }: { desk: Desk; act: Act }) {
  const o = orderWords(desk.state.boot.lang);
  const { conversation, number, kind } = act;
  const [key] = useState(() => crypto.randomUUID());
  const [look, setLook] = useState<Look | null>(null);
  const [wanted, setWanted] = useState<Record<number, string> | null>(null);
  const [text, setText] = useState<string | null>(null); // one's own words; null: the record's
  const [note, setNote] = useState('');
  const [tells, setTells] = useState(true);
  const [failure, setFailure] = useState('');
  const [isBusy, setBusy] = useState(false);
  const [done, setDone] = useState<Done | null>(null);
  const asked = useRef(0);
  const where = `/conversations/${conversation}/order`;
  const lines =
    wanted &&
    Object.entries(wanted).map(([line, qty]) => ({ line: Number(line), qty: qty || '0' }));

  const read = async (): Promise<void> => {
    const mine = ++asked.current;
    const body = { number, kind, ...(lines ? { lines } : {}) };
    try {
      const found = await call<Look>('POST', `${where}/look/`, body);
      if (mine !== asked.current) return;
      setLook(found);
      setFailure('');
      if (!wanted) setWanted(Object.fromEntries(found.lines.map((one) => [one.line, one.qty])));
    } catch (error) {
      if (mine === asked.current) setFailure(told(error));
    }
  };
  const isFirst = useRef(true);
  useEffect(() => {
    if (isFirst.current) {
      isFirst.current = false;
      void read();
      return;
    }
    if (!look) return;
    const isShown = look.lines.every((one) => Number(one.qty) === Number(wanted?.[one.line]));
    if (isShown) return;
    const timer = window.setTimeout(() => void read(), TOGETHER_MS);
    return () => window.clearTimeout(timer);
  }, [wanted]);

  const close = (): void => desk.store.set({ order: null });
  const words = text ?? look?.text ?? '';
  const isStatus = kind === 'status';
  const chosen = look?.lines.some((one) => Number(wanted?.[one.line]) > 0);
  const mayDo = Boolean(look) && (isStatus ? words.trim() : chosen);

  const run = async (): Promise<void> => {
    if (!look || isBusy) return;
    setBusy(true);
    setFailure('');
    try {
      const made = await call<Done>('POST', `${where}/`, {
        number,
        kind,
        mark: look.mark,
        client_key: key,
        text: isStatus || tells ? words : '',
        ...(isStatus ? {} : { lines: lines?.filter((one) => Number(one.qty) > 0), note }),
      });
      if (desk.state.open === conversation) void desk.threads.read();
      if (made.request) setDone(made);
      else {
        close();
        desk.acts.toast({ text: o('sent') });
      }
    } catch (error) {
      if (isRefused(error) && error.code === 'order_changed') await read();
      setFailure(told(error));
    } finally {
      setBusy(false);
    }
  };
  const toField = (): void => {
    desk.drafts.bring('reply', { text: words }, conversation);
    desk.store.set({ mode: 'reply' });
    close();
  };

  return (
    <Dialog title={o(`title_${kind}`, number)} onClose={close}>
      {done?.request ? (
        <div class="form order-act" role="status">
          <p class="line ok">
            <Icon name="check" /> <b>{o('receipt', done.request.id)}</b>
          </p>
          <ul>
            {done.request.lines.map((one) => (
              <li key={one.name}>
                <span dir="auto">{one.name}</span> × {one.qty}
              </li>
            ))}
          </ul>
          <p>
            {o('total')}: <b>{money(done.request.sum, done.request.currency)}</b>
          </p>
          <p>{o(done.message ? 'told' : 'notTold')}</p>
          <p class="muted">{o('receiptWhere')}</p>
          <footer>
            <button type="button" class="main" ref={focused} onClick={close}>
              {o('close')}
            </button>
          </footer>
        </div>
      ) : (
        <form
          class="form order-act"
          onSubmit={(event) => {
            event.preventDefault();
            void run();
          }}
        >
          {!look && !failure && (
            <p class="muted" role="status">
              {o('looking')}
            </p>
          )}
          {look && (
            <>
              <p class="muted">
                {look.status_text || statusText(look.status)}
                {isStatus && ` · ${money(look.sum, look.currency)}`}
              </p>
              {!isStatus && (
                <Goods look={look} wanted={wanted ?? {}} change={setWanted} lang={o} kind={kind} />
              )}
              {look.doubts.map((one) => (
                <p class="doubt" key={one}>
                  <Icon name="alert" size={14} /> {one}
                </p>
              ))}
              {!isStatus && (
                <label>
                  {o('note')}
                  <input
                    value={note}
                    maxLength={2000}
                    placeholder={o('noteHint')}
                    onInput={(event) => setNote(event.currentTarget.value)}
                  />
                </label>
              )}
              {!isStatus && (
                <label class="check">
                  <input
                    type="checkbox"
                    checked={tells}
                    onChange={(event) => setTells(event.currentTarget.checked)}
                  />{' '}
                  {o('tell')}
                </label>
              )}
              {(isStatus || tells) && (
                <label>
                  {o('words')}
                  <textarea
                    rows={3}
                    dir="auto"
                    value={words}
                    maxLength={4000}
                    onInput={(event) => setText(event.currentTarget.value)}
                  />
                  <span class="muted line">
                    {text !== null && text !== look.text ? (
                      <>
                        {o('own')}
                        <button type="button" class="quiet" onClick={() => setText(null)}>
                          {o('restore')}
                        </button>
                      </>
                    ) : (
                      <span class="ok">
                        <Icon name="check" size={14} /> {o('bound')}
                      </span>
                    )}
                  </span>
                </label>
              )}
            </>
          )}
          {failure && (
            <p class="doubt" role="alert">
              <Icon name="alert" size={14} /> {failure}
            </p>
          )}
          <footer>
            <button type="button" onClick={close}>
              {o('cancel')}
            </button>
            {failure && (
              <button type="button" onClick={() => void read()}>
                {o('again')}
              </button>
            )}
            {isStatus && (
              <button type="button" disabled={!mayDo} onClick={toField}>
                {o('toField')}
              </button>
            )}
            <button type="submit" class="main" disabled={!mayDo || isBusy} aria-busy={isBusy}>
              {kind === 'status' ? o('send') : o(tells ? `doTell_${kind}` : `do_${kind}`)}
            </button>
          </footer>
        </form>
      )}
    </Dialog>
  );
}

function Goods({
  look,
  wanted,
  change,
  lang: o,
  kind,
}: {
  look: Look;
  wanted: Record<number, string>;
  change: (wanted: Record<number, string>) => void;
  lang: ReturnType<typeof orderWords>;
  kind: Act['kind'];
}) {
  return (
    <table class="goods">
      <thead>
        <tr>
          <th>{o('goods')}</th>
          <th>{o('qty')}</th>
          <th class="price">{o('price')}</th>
          <th>{o('sum')}</th>
        </tr>
      </thead>
      <tbody>
        {look.lines.map((one) => {
          const isNone = Number(one.most) === 0;
          return (
            <tr key={one.line} class={Number(one.qty) ? '' : 'muted'}>
              <td dir="auto">
                {one.name}
                {!one.is_sold && <span class="chip amber">{o('gone')}</span>}
              </td>
              <td>
                <input
                  type="number"
                  min={0}
                  max={Number(one.most)}
                  step="any"
                  disabled={isNone}
                  aria-label={o('qtyOf', one.name)}
                  value={wanted[one.line] ?? ''}
                  onInput={(event) => change({ ...wanted, [one.line]: event.currentTarget.value })}
                />
                {kind === 'return' && <span class="muted"> {o('most', one.most)}</span>}
              </td>
              <td class="price">
                {money(one.price, look.currency)}
                {one.price !== one.was && (
                  <span class="muted"> {o('was', money(one.was, look.currency))}</span>
                )}
              </td>
              <td>{money(one.sum, look.currency)}</td>
            </tr>
          );
        })}
      </tbody>
      <tfoot>
        <tr>
          <td colSpan={2}>
            {o('total')} <span class="muted">{o('withoutDelivery')}</span>
          </td>
          <td class="price" />
          <td>
            <b>{money(look.sum, look.currency)}</b>
          </td>
        </tr>
      </tfoot>
    </table>
  );
}

const focused = (element: HTMLElement | null): void => element?.focus();
