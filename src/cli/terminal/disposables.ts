/** Disposes of what was added, last first. */
export class Disposables implements Disposable {
  readonly #items: Disposable[] = [];

  add(item: Disposable): void {
    this.#items.push(item);
  }

  [Symbol.dispose](): void {
    for (let item = this.#items.pop(); item !== undefined; item = this.#items.pop())
      item[Symbol.dispose]();
  }
}
