# Das eigene Konto.
your-account = Ihr Konto
back-to-account = Zurück zu Ihrem Konto
skip = Zum Inhalt springen
times-are-utc = Zeiten sind UTC.
everywhere = überall

device-ended = <b>Dieses Gerät ist abgemeldet</b> Es hat keinen Zugang mehr zu Ihrem Konto.
others-ended = <b>Sie sind sonst überall abgemeldet</b> Nur dieses Gerät hat Zugang zu Ihrem Konto.
device-gone = <b>Dieses Gerät war schon abgemeldet</b> Es war nichts zu tun.
page-expired = <b>Diese Seite war zu lange offen</b> Nichts wurde geändert. Wiederholen Sie, was Sie getan haben.
password-changed = <b>Ihr Passwort ist geändert</b> Ab jetzt gilt nur das neue. Ihre anderen Geräte sind abgemeldet.
factor-added = <b>Die Authenticator-App ist hinzugefügt</b> Sie gilt ab jetzt als zweiter Faktor.
factor-renamed = <b>Der zweite Faktor heißt jetzt anders</b> Sonst wurde nichts geändert.
factor-removed = <b>Der zweite Faktor ist entfernt</b> Seine Codes gelten nicht mehr. Ihre anderen Geräte sind abgemeldet.
confirmed = <b>Sie haben bestätigt, dass Sie es sind</b> Was darauf gewartet hat, gilt jetzt.
recommend-factor = <b>Nur Ihr Passwort schützt dieses Konto</b> <add>Fügen Sie eine Authenticator-App hinzu</add>, das dauert etwa eine Minute.
recommend-second-factor = <b>Sie haben nur einen zweiten Faktor</b> Geht er verloren, führen nur Wiederherstellungs{"\u00AD"}codes zurück. <add>Fügen Sie einen weiteren hinzu</add>, das dauert etwa eine Minute.
recommend-codes = <b>Sie haben keine Wiederherstellungs{"\u00AD"}codes</b> Ohne Ihr Telefon führt kein Weg zurück. <make>Erzeugen Sie welche</make> und bewahren Sie sie auf.

what-you-may-do = Was Sie dürfen
no-role = Sie haben noch keine Rolle
no-role-help = Wer hier verwaltet, kann Ihnen eine vergeben. Sie gilt sofort.
grant-since = seit { $since }
grant-until = bis <b>{ $until }</b>, { $left }
grant-from = ab <b>{ $since }</b>
grant-from-to = von <b>{ $since }</b> bis { $until }
things-in = { $count ->
    [one] { $count } Recht in { $api }
   *[other] { $count } Rechte in { $api }
}
withheld = wartet
withheld-confirm = Sie wartet, bis Sie <confirm>mit dem zweiten Faktor bestätigen</confirm>.
withheld-add = Sie wartet, bis Sie <add>einen zweiten Faktor hinzufügen</add>.

where-signed-in = Wo Sie angemeldet sind
this-device = Dieses Gerät
device-unknown = Ein unbekanntes Gerät
device-software = { $browser } unter { $os }
device-active-now = jetzt aktiv · seit { $since }, endet { $ends }
device-active = aktiv { $last } · seit { $since }, endet { $ends }
device-locked = gesperrt seit { $last } · endet { $ends }
others-end = Sonst überall abmelden
device-end = Beenden
device-end-of = Beenden: { $device }

how-you-sign-in = Wie Sie sich anmelden
password-changed-at = Geändert: { $at }
change = Ändern
factor-totp = Authenticator-App
factor-passkey = Passkey
factor-none = Noch keine
factor-more = Eine weitere, falls die erste verloren geht
factor-add = Hinzufügen
factor-edit = Bearbeiten
factor-added-at = Hinzugefügt: { $added }
factor-used-at = zuletzt verwendet: { $used }
recovery-codes = Wiederherstellungs{"\u00AD"}codes
recovery-made = Zehn, jeder gilt einmal · erzeugt: { $made }
recovery-none = Noch keine

factor-label = Name
factor-label-refused = Geben Sie einen Namen mit 1 bis 100 Zeichen ein.
factor-rename = Umbenennen
factor-remove-title = Verloren oder ersetzt?
factor-remove-lead = Nach dem Entfernen gelten die Codes nicht mehr, und Ihre anderen Geräte sind abgemeldet. Das lässt sich nicht zurücknehmen; Sie können ihn neu hinzufügen.
factor-remove = Diesen Faktor entfernen
factor-last-one = <b>Dieser bleibt vorerst</b> Eine Ihrer Rollen braucht einen zweiten Faktor, und dies ist Ihr einziger. <add>Fügen Sie zuerst einen weiteren hinzu</add>. Nichts wurde geändert.
factor-too-many = <b>Mehr als zehn geht nicht</b> Entfernen Sie zuerst einen. Nichts wurde geändert.

confirm-title = Bestätigen, dass Sie es sind
confirm-lead = Was jetzt kommt, braucht eine Anmeldung aus den letzten Minuten.
confirm = Bestätigen
confirm-code = Code Ihrer Authenticator-App
confirm-use-password = Passwort verwenden
confirm-use-code = Code der App verwenden
confirm-use-recovery-code = Wiederherstellungs{"\u00AD"}code verwenden
confirm-wait = <b>Bitte warten Sie bis { $until } (UTC)</b> Es gab mehrere falsche Versuche. Der nächste zählt wieder { $left }. Sie bleiben angemeldet.
