import { h, render } from 'preact';
import { afterEach, expect, it } from 'vitest';
import { hostOf, ShopList, shops } from '../src/rail/shops';
import { speak } from '../src/words';
import { settled } from './fakes';

afterEach(() => {
  render(null, document.body);
  localStorage.clear();
});

it.each([
  ['https://Shop.Example/console/#7', 'shop.example'],
  ['shop.example:8000', 'shop.example:8000'],
  ['javascript:alert(1)', ''],
  ['//evil', ''],
  ['', ''],
])('an address %s is the host %s', (address, host) => expect(hostOf(address)).toBe(host));

it('shops are kept in this browser, and what is no address is refused in words', async () => {
  speak('ru', 'UTC');
  render(h(ShopList, {}), document.body);
  const add = async (host: string): Promise<void> => {
    document.querySelector<HTMLInputElement>('[name=host]')!.value = host;
    document
      .querySelector('form')!
      .dispatchEvent(new Event('submit', { bubbles: true, cancelable: true }));
    await settled(20);
  };
  await add('не адрес');
  expect([shops(), document.querySelector('[role=alert]')!.textContent]).toEqual([
    [],
    'Это не адрес: нужен вид shop.example.',
  ]);
  await add('https://two.example/');
  await add('two.example');
  expect(shops()).toEqual([{ name: 'two.example', host: 'two.example' }]);
  document.querySelector<HTMLElement>('button.icon')!.click();
  expect(shops()).toEqual([]);
  localStorage.setItem('shops', '[{"name": "x", "host": "a/b"}]');
  expect(shops()).toEqual([]);
});
