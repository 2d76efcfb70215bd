import { useEffect, useState } from 'preact/hooks';

/** The present, three times a minute: waiting times grow by themselves. */
export function useNow(): number {
  const [now, set] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => set(Date.now()), 20_000);
    return () => clearInterval(timer);
  }, []);
  return now;
}
