/** How to reach the buyer: offered, never a gate. Two consents, apart and unticked. */

import { useEffect, useRef, useState } from 'preact/hooks';
import { asksFirst, type View } from './view';

export function ContactForm(view: View) {
  const { chat, config, words, lang } = view;
  const [first] = useState(asksFirst(view) && config.form);
  const [step, setStep] = useState<'offer' | 'form' | 'saved'>(first ? 'form' : 'offer');
  const [question, setQuestion] = useState('');
  const [fault, setFault] = useState('');
  const [busy, setBusy] = useState(false);
  const [data, setData] = useState({ name: '', phone: '', email: '' });
  const [given, setGiven] = useState<Record<string, boolean>>({});

  const consents = config.consents[lang] ?? [];

  const form = useRef<HTMLFormElement>(null);
  useEffect(() => {
    if (step === 'form') {
      form.current?.querySelector('input')?.focus();
    }
  }, [step]);

  if (step === 'saved') {
    return (
      <p class="note done" role="status">
        {words.saved}
      </p>
    );
  }
  if (step === 'offer') {
    if (chat.hasContact) {
      return null;
    }
    return (
      <div class="ask">
        <p>{words.contactOffer}</p>
        <button type="button" class="choice" onClick={() => setStep('form')}>
          {words.contactButton}
        </button>
      </div>
    );
  }

  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    if (!data.phone.trim() && !data.email.trim()) {
      // Said under a field that is there.
      setFault(first && !first.fields.includes('phone') ? 'email' : 'phone');
      return;
    }
    if (first && !question.trim()) {
      setFault('question');
      form.current?.querySelector('textarea')?.focus();
      return;
    }
    if (!given.processing) {
      setFault('consent');
      return;
    }
    setBusy(true);
    const shown = Object.fromEntries(consents.map(({ kind, version }) => [kind, version]));
    const trouble = await chat.leaveContact({ ...data, given, shown });
    setBusy(false);
    if (trouble?.consents) {
      // Other words than those that were ticked; what was typed stays.
      config.consents = trouble.consents;
      setGiven({});
      setFault('changed');
      return;
    }
    setFault(trouble?.code ?? '');
    if (!trouble) {
      if (first) {
        chat.say(question);
      }
      setStep('saved');
    }
  };
  const field = (
    name: keyof typeof data,
    type: 'text' | 'tel' | 'email',
    autocomplete: 'name' | 'tel' | 'email',
    optional = false,
  ) =>
    first && !first.fields.includes(name) ? null : (
      <label class="field">
        <span>
          {words[name]}
          {optional && <small> · {words.optional}</small>}
        </span>
        <input
          type={type}
          autocomplete={autocomplete}
          list={undefined}
          value={data[name]}
          aria-invalid={fault === name}
          aria-describedby={fault === name ? `fault-${name}` : undefined}
          onInput={(e) => setData({ ...data, [name]: e.currentTarget.value })}
        />
        {fault === name && (
          <small class="late" id={`fault-${name}`} role="alert">
            {name === 'email' ? words.emailWrong : words.phoneWrong}
          </small>
        )}
      </label>
    );

  return (
    <form ref={form} class="ask" onSubmit={submit} noValidate>
      <b>{words.contactTitle}</b>
      {first && first.kind === 'offline' && <p>{config.when[lang]}</p>}
      {field('name', 'text', 'name', true)}
      {field('phone', 'tel', 'tel')}
      {field('email', 'email', 'email')}
      {first && (
        <label class="field">
          <span>{words.write}</span>
          <textarea
            rows={3}
            value={question}
            aria-invalid={fault === 'question'}
            onInput={(e) => setQuestion(e.currentTarget.value)}
          />
        </label>
      )}
      {consents.map(({ kind, text }) => (
        <label class="consent" key={kind}>
          <input
            type="checkbox"
            checked={given[kind] ?? false}
            onChange={(e) => setGiven({ ...given, [kind]: e.currentTarget.checked })}
          />
          <span>
            {text}
            {kind === 'marketing' && <small> · {words.optional}</small>}
          </span>
        </label>
      ))}
      {['consent', 'changed', 'offline', 'pace'].includes(fault) && (
        <small class="late" role="alert">
          {fault === 'consent'
            ? words.consent
            : fault === 'changed'
              ? words.consentChanged
              : words.failed}
        </small>
      )}
      <div class="actions">
        <button type="submit" class="solid" disabled={busy}>
          {words.save}
        </button>
        {!first && (
          <button type="button" class="plain" onClick={() => setStep('offer')}>
            {words.cancel}
          </button>
        )}
        <a href={chat.absolute(config.privacy)} target="_blank" rel="noopener noreferrer">
          {words.privacy}
        </a>
      </div>
    </form>
  );
}
