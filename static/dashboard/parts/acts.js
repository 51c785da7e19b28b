/** What a click on a button of a running test asks about. */

import * as confirmations from "./confirmations.js";

export const ACTS = {
  stop: (snapshot) => confirmations.confirmStop(snapshot, () => undefined),
  reweight: confirmations.confirmReweight,
  widen: confirmations.confirmWiden,
  promote: confirmations.confirmPromote,
  rollback: confirmations.confirmRollback,
};
