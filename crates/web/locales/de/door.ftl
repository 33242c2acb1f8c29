# Anmelden, zweite Faktoren, Wiederherstellungscodes, Passwörter, Einladungen. <b>, <code> und benannte Links sind Auszeichnung; Werte sind es nie.
sign-in = Anmelden
sign-in-to = und weiter zu { $application }
identifier = Benutzername oder E-Mail-Adresse
password = Passwort
show-password = Passwort zeigen
hide-password = Passwort verbergen
continue = Weiter
cancel = Abbrechen
sign-in-wrong = <b>Das passt nicht zusammen.</b> Prüfen Sie Benutzername und Passwort und ob die Feststelltaste aus ist.
sign-in-wait = <b>Bitte warten Sie bis { $until } (UTC)</b> Es gab mehrere falsche Versuche. Der nächste zählt wieder { $left }. Auf einem anderen Gerät angemeldet? Das läuft weiter.
sign-in-busy = <b>Gerade melden sich zu viele an</b> Ihr Passwort wurde nicht geprüft. Warten Sie einige Sekunden und versuchen Sie es noch einmal.
sign-in-expired = <b>Dieses Formular war zu lange offen</b> Nichts wurde geändert. Melden Sie sich noch einmal an; Sie kommen an dieselbe Stelle.
sign-in-step-ended = <b>Dieser Schritt ist beendet</b> Er war zu lange offen, oder es gab zu viele falsche Codes. Nichts wurde geändert. Melden Sie sich noch einmal an.
demo-people = Dies ist eine Demo: Namen und Passwörter stehen auf <page>ihrer ersten Seite</page>.
signing-in-as = Anmeldung als <b>{ $name }</b>
not-you = Nicht Sie?

code-title = Code eingeben
code-from = aus der Authenticator-App auf <b>{ $label }</b>
code-from-app = aus Ihrer Authenticator-App
code = Code
code-hint = Er wechselt alle 30 Sekunden. Dieser Schritt endet { $left }.
code-wrong = Dieser Code wurde nicht angenommen. Warten Sie auf den nächsten und geben Sie diesen ein.
code-wrong-left = { $count ->
    [one] Dieser Code wurde nicht angenommen. Warten Sie auf den nächsten und geben Sie diesen ein. Ein Versuch bleibt.
   *[other] Dieser Code wurde nicht angenommen. Warten Sie auf den nächsten und geben Sie diesen ein. { $count } Versuche bleiben.
}
code-wait = <b>Bitte warten Sie bis { $until } (UTC)</b> Es gab mehrere falsche Codes. Der nächste zählt wieder { $left }.
code-busy = <b>Der Server ist gerade ausgelastet</b> Ihre Eingabe wurde nicht geprüft. Warten Sie einige Sekunden und versuchen Sie es noch einmal.
code-expired = <b>Dieses Formular war zu lange offen</b> Nichts wurde geändert. Geben Sie es noch einmal ein.
code-clock = Oft falsch? Stellen Sie die Uhr des Telefons auf automatisch.
use-recovery-code = <b>Telefon nicht zur Hand?</b> Nehmen Sie <recovery>einen Wiederherstellungs{"\u00AD"}code</recovery>.
recovery-title = Wiederherstellungs{"\u00AD"}code eingeben
recovery-lead = einen von denen, die Sie beim Einrichten des zweiten Faktors aufbewahrt haben
recovery-code = Wiederherstellungs{"\u00AD"}code
recovery-hint = Jeder gilt einmal. Dieser Schritt endet { $left }.
recovery-wrong = Dieser Code wurde nicht angenommen. Prüfen Sie jedes Zeichen, oder nehmen Sie einen, den Sie noch nicht verwendet haben.
use-app = <b>Telefon zur Hand?</b> Nehmen Sie <app>den Code Ihrer App</app>.

enrol-title = Zweiten Faktor einrichten
enrol-role = Die Rolle <b>{ $role }</b> braucht mehr als ein Passwort. Das dauert etwa eine Minute.
enrol-lead = Ihre Rollen brauchen mehr als ein Passwort. Das dauert etwa eine Minute.
enrol-more-title = Authenticator-App hinzufügen
enrol-more-lead = Neben dem Passwort zeigt dann ihr Code, dass Sie es sind. Das dauert etwa eine Minute.
enrol-scan = Mit einer Authenticator-App scannen
enrol-any-app = Jede App, die sechsstellige Codes erzeugt, ist geeignet.
enrol-qr = QR-Code für Ihre Authenticator-App. Der Schlüssel daneben sagt dasselbe.
enrol-type = Scannen geht nicht? Tippen Sie
enrol-code = Den angezeigten Code eingeben
enrol-label = Dieses Telefon benennen
enrol-label-hint = Damit Sie es in der Liste Ihrer Faktoren wiedererkennen.
enrol-finish = Fertigstellen

codes-title = Wiederherstellungs{"\u00AD"}codes aufbewahren
codes-lead = Mit jedem können Sie sich einmal ohne Ihr Telefon anmelden. Sie werden nur jetzt gezeigt.
codes-renewed-lead = Mit jedem können Sie sich einmal ohne Ihr Telefon anmelden. Sie werden nur jetzt gezeigt. Die bisherigen gelten nicht mehr.
codes-one-title = Diesen neuen Code aufbewahren
codes-one-lead = Er ersetzt den Wiederherstellungs{"\u00AD"}code, den Sie gerade verwendet haben. Mit ihm können Sie sich einmal ohne Ihr Telefon anmelden. Er wird nur jetzt gezeigt.
codes-keep = Drucken Sie sie aus oder schreiben Sie sie auf, und legen Sie sie dorthin, wo andere nicht nachsehen: nicht neben dieses Gerät, nicht in Ihre E-Mail.
codes-file = wiederherstellungscodes.txt
print = Drucken
save-file = Als Datei speichern
codes-new-title = Neue Wiederherstellungs{"\u00AD"}codes erzeugen?
codes-new-lead = Sie erhalten zehn. Mit jedem können Sie sich einmal ohne Ihr Telefon anmelden.
codes-new-void = { $count ->
    [0] Von den bisherigen ist keiner übrig (erzeugt: { $made }).
    [one] Der letzte der bisherigen gilt dann nicht mehr (erzeugt: { $made }).
   *[other] Die { $count } übrigen bisherigen gelten dann nicht mehr (erzeugt: { $made }).
}
codes-new = Neue erzeugen

new-password = Neues Passwort
current-password = Aktuelles Passwort
password-choose-title = Passwort wählen
password-change-title = Passwort ändern
password-expired = Ihres ist älter, als die Regeln hier erlauben. Wählen Sie ein neues, dann geht es weiter.
password-compromised = Andere kennen womöglich Ihr Passwort. Wählen Sie eines, das Sie sonst nirgends verwenden, dann geht es weiter.
password-guidance = Mindestens { $least } Zeichen. Ein Satz ist leicht zu merken und schwer zu erraten. Leerzeichen zählen; Ziffern und Sonderzeichen sind nicht nötig.
password-set = Passwort festlegen
password-change = Passwort ändern
password-wrong-current = Das ist nicht Ihr aktuelles Passwort. Prüfen Sie, ob die Feststelltaste aus ist.
password-too-short = Das ist zu kurz. Geben Sie mindestens { $least } Zeichen ein.
password-too-long = Das ist zu lang. Geben Sie höchstens 256 Zeichen ein.
password-blocklisted = Dieses Passwort steht in bekannten Listen häufiger und gestohlener Passwörter. Wählen Sie ein anderes.
password-context-word = Das besteht aus Ihrem oder unserem Namen oder Ihrer Adresse; so etwas wird zuerst versucht. Wählen Sie etwas anderes.
password-reused = Dieses Passwort hatten Sie schon einmal. Wählen Sie ein neues.
password-too-new = Ihr aktuelles Passwort ist noch zu neu, um wieder geändert zu werden. Warten Sie einen Tag.
password-composition = Die Regeln hier verlangen Groß- und Kleinbuchstaben, Ziffern und Sonderzeichen. Ergänzen Sie, was fehlt.
password-wait = <b>Bitte warten Sie bis { $until } (UTC)</b> Es gab mehrere falsche Passwörter. Das nächste zählt wieder { $left }.
password-busy = <b>Der Server ist gerade ausgelastet</b> Nichts wurde geändert. Warten Sie einige Sekunden und versuchen Sie es noch einmal.
password-form-expired = <b>Dieses Formular war zu lange offen</b> Nichts wurde geändert. Geben Sie Ihr Passwort noch einmal ein.

link-refused = Dieser Link ist nicht gültig
link-refused-title = Dieser Link ist nicht oder nicht mehr gültig
link-refused-lead = Er gilt einmal und einige Tage lang, und ein neuerer ersetzt ihn. Nichts wurde geändert.
link-refused-help = Lassen Sie sich von der Person, die Sie eingeladen hat, einen neuen geben. Haben Sie Ihr Passwort schon gewählt, melden Sie sich an.
link-wait = <b>Bitte warten Sie bis { $until } (UTC)</b> Aus Ihrem Netz kamen viele falsche Links. Ihrer wird wieder geprüft { $left }.
link-busy = <b>Der Server ist gerade ausgelastet</b> Nichts wurde geändert, und Ihr Link gilt noch. Warten Sie einige Sekunden und versuchen Sie es noch einmal.
link-form-expired = <b>Dieses Formular war zu lange offen</b> Nichts wurde geändert. Geben Sie Ihr Passwort noch einmal ein, oder öffnen Sie den Link noch einmal.
hello = Guten Tag, { $name }.
invited = Für Sie wurde ein Konto angelegt: { $organisation }.
password-is-set = Ihr Passwort ist festgelegt
password-is-set-lead = Melden Sie sich damit an als <b>{ $username }</b>. Der Link gilt nicht mehr.

sign-out = Abmelden
sign-out-title = Abmelden?
sign-out-lead = Das beendet Ihren Zugang auf diesem Gerät. Wo Sie sonst angemeldet sind, bleiben Sie es.
stay = Angemeldet bleiben
signed-out = Abgemeldet
signed-out-title = Sie sind abgemeldet
signed-out-lead = Dieses Gerät hat keinen Zugang mehr zu Ihrem Konto.
sign-in-again = Wieder anmelden
