/** The end of a process: no product code may catch it, nothing of that process happens after it. */
export class Killed extends Error {
  override readonly name = 'Killed';
}
