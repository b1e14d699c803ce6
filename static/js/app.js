// Everything here is an improvement on pages that also work without it.
import { startCopying, startForgetting } from "./copy.js";
import { startFocus } from "./focus.js";
import { startForms } from "./forms.js";
import { startKeys } from "./keys.js";
import { startMenus } from "./menu.js";
import { startPasskeys } from "./passkeys.js";
import { startPolling } from "./poll.js";
import { startSuggesting } from "./suggest.js";
import { startRows } from "./rows.js";
import { startSummary } from "./summary.js";
import { startTheme } from "./theme.js";
import { startTime } from "./time.js";
import { startToasts } from "./toast.js";

startTime();
startTheme();
startMenus();
startFocus();
startForms();
startCopying();
startForgetting();
startKeys();
startRows();
startToasts();
startSummary();
startSuggesting();
startPasskeys();
startPolling();
