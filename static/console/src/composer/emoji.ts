/** Faces by name in both languages; few, as people at a counter need them. */
const NAMES = `🙂 улыбка smile|😊 рад happy blush|😀 смех grin|😂 хохот joy|😉 подмигиваю wink|😍 восторг love eyes|🤗 обнимаю hug|🤔 думаю think|😅 неловко sweat|😔 грусть sad|😢 слеза cry|😮 удивление wow|🙏 спасибо thanks please|👍 хорошо класс ok good|👎 плохо bad|👌 отлично fine|👋 привет hello wave|🤝 договорились deal|💪 сила strong|👏 браво clap|❤️ сердце heart love|💔 жаль broken|🔥 огонь fire|🎉 праздник party|🎁 подарок gift|✨ блеск sparkle|⭐ звезда star|✅ готово done|❌ нет no cross|❗ важно important|❓ вопрос question|⚠️ внимание warning|⏰ время clock|📦 посылка box parcel|🚚 доставка truck delivery|🏠 дом home|📍 место pin|📞 телефон phone|✉️ письмо mail|💳 карта card|💰 деньги money|🧾 чек receipt|🏷️ цена скидка tag sale|📏 размер size|👗 платье dress|👟 кроссовки shoes|🌸 цветок flower|☀️ солнце sun|❄️ зима snow|🎄 ёлка newyear|☕ кофе coffee|🚀 быстро fast`;

export interface Emoji {
  sign: string;
  names: string[];
}

const ALL: Emoji[] = NAMES.split('|').map((line) => {
  const [sign = '', ...names] = line.split(' ');
  return { sign, names };
});

export function emojiFound(query: string): Emoji[] {
  const asked = query.toLowerCase().replaceAll('ё', 'е');
  return ALL.filter((one) =>
    one.names.some((name) => name.replaceAll('ё', 'е').startsWith(asked)),
  ).slice(0, 8);
}
